package dev.tartan.cli;

import dev.tartan.memory.Backoff;
import dev.tartan.train.synthetic.Budget;
import dev.tartan.train.synthetic.Journal;
import dev.tartan.train.synthetic.Llm;
import dev.tartan.train.synthetic.LlmClient;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name language models and say what may be asked of them. */
final class LlmSettings {
  private static final String KEY = "TARTAN_LLM_KEY";
  private static final long FIRST_PAUSE_MILLIS = 1000;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--llm-url",
      required = true,
      paramLabel = "URL",
      description =
          "Base address of a server with OpenAI's chat completions, such as http://localhost:8000/v1.")
  String url;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--llm-model",
      required = true,
      paramLabel = "NAME",
      description = "The language model there; the stronger one, if there are two.")
  String model;

  @Option(
      names = "--llm-key",
      paramLabel = "VARIABLE",
      description =
          "The variable of the environment that holds the key, if one is needed (default: ${DEFAULT-VALUE}).")
  String key = KEY;

  @Option(
      names = "--llm-fields",
      paramLabel = "JSON",
      description =
          "More fields of each request, or null for one that the server does not know, such as"
              + " {\"temperature\": 0.7, \"max_tokens\": 400}.")
  String fields = "{}";

  @Option(
      names = "--bulk-llm-url",
      paramLabel = "URL",
      description = "Of the model for the many queries (default: --llm-url).")
  @Nullable String bulkUrl;

  @Option(
      names = "--bulk-llm-model",
      paramLabel = "NAME",
      description = "A cheaper model for the many queries (default: --llm-model).")
  @Nullable String bulkModel;

  @Option(
      names = "--bulk-llm-key",
      paramLabel = "VARIABLE",
      description = "As --llm-key (default: the same; with --bulk-llm-url none).")
  @Nullable String bulkKey;

  @Option(
      names = "--bulk-llm-fields",
      paramLabel = "JSON",
      description = "As --llm-fields (default: the same).")
  @Nullable String bulkFields;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      description = "Requests on their way at a time (default: ${DEFAULT-VALUE}).")
  int concurrency = 4;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "The longest wait for an answer (default: ${DEFAULT-VALUE}).")
  int timeout = 120;

  @Option(
      names = "--retries",
      paramLabel = "N",
      description =
          "Of a request that was turned away, failed or timed out; the pauses double from 1 s, unless the"
              + " server states them (default: ${DEFAULT-VALUE}).")
  int retries = 6;

  @Option(
      names = "--max-requests",
      paramLabel = "N",
      description = "Requests in all, retries and earlier runs included (default: no bound).")
  long requests;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description =
          "Tokens in all, after which no more is asked; what is on its way then still counts (default: no"
              + " bound).")
  long tokens;

  /** Refuses what makes no sense. */
  void check(Shared shared) {
    if (concurrency < 1 || concurrency > 1000 || timeout < 1 || retries < 0 || retries > 20) {
      throw shared.wrong(
          "--concurrency must lie between 1 and 1000, --timeout be positive, --retries at most 20");
    }
    if (requests < 0 || tokens < 0) {
      throw shared.wrong("--max-requests and --max-tokens must not be negative");
    }
  }

  /** The model for the prompts. */
  Llm strong(Shared shared) {
    return named(url, model, key, fields, shared);
  }

  /** The model for the queries. A key goes to no other server than the one it was given for. */
  Llm bulk(Shared shared) {
    String variable = bulkKey != null ? bulkKey : bulkUrl == null ? key : "";
    return named(
        bulkUrl == null ? url : bulkUrl,
        bulkModel == null ? model : bulkModel,
        variable,
        bulkFields == null ? fields : bulkFields,
        shared);
  }

  private static Llm named(
      String url, String model, String variable, String fields, Shared shared) {
    Llm llm = shared.usage(() -> Llm.of(url, model, secret(variable, shared), fields));
    String host = llm.address().getHost();
    boolean isHere = host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]");
    if (llm.key() != null && llm.address().getScheme().equals("http") && !isHere) {
      shared.notice("%s goes to %s unencrypted; https would hide it".formatted(llm.key(), host));
    }
    return llm;
  }

  private static Llm.@Nullable Key secret(String variable, Shared shared) {
    String secret = variable.isEmpty() ? null : System.getenv(variable);
    if (secret == null && !variable.isEmpty() && !variable.equals(KEY)) {
      throw shared.wrong("there is no variable %s in the environment".formatted(shown(variable)));
    }
    return secret == null || secret.isBlank() ? null : new Llm.Key(secret.strip(), variable);
  }

  /** Somebody may give the key itself, which must not be printed. */
  private static String shown(String variable) {
    return variable.matches("[A-Za-z_][A-Za-z0-9_]{0,30}")
        ? variable
        : "of the name that --llm-key gives (name a variable, not the key)";
  }

  LlmClient client(Llm llm) {
    return new LlmClient(
        llm,
        new LlmClient.Patience(
            Duration.ofSeconds(timeout), retries, new Backoff(FIRST_PAUSE_MILLIS)));
  }

  Budget budget(Journal journal) {
    return new Budget(requests, tokens, journal);
  }
}
