package dev.tartan.train.synthetic;

import dev.tartan.memory.Backoff;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Asks a language model over OpenAI's protocol of chat completions. Asks again where the server is
 * busy, fails, is silent or breaks off; gives up where it will never answer. Follows no redirect,
 * since the key is for the address that was given. Safe for concurrent use.
 */
public final class LlmClient implements AutoCloseable {
  static final String DURING = "a language model was asked";
  private static final Duration CONNECT = Duration.ofSeconds(15);
  private static final long LONGEST_PAUSE_MILLIS = 600_000;
  private static final long LARGEST_BODY = 4 << 20;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(CONNECT)
          .build();
  private final Llm llm;
  private final Patience patience;

  /** When the server may be asked again, as {@link System#nanoTime}. */
  private final AtomicLong notBefore = new AtomicLong(System.nanoTime());

  /** Whether the server ever answered: else it is not there, and waiting would not help. */
  private volatile boolean reached;

  /**
   * How long to insist.
   *
   * @param answer the longest time for a whole answer
   * @param retries after the first try of an ask
   * @param backoff the pauses between, unless the server states them
   */
  public record Patience(Duration answer, int retries, Backoff backoff) {}

  public LlmClient(Llm llm, Patience patience) {
    this.llm = llm;
    this.patience = patience;
  }

  Llm llm() {
    return llm;
  }

  /**
   * One answer, or why there is none.
   *
   * @return null if the budget allows no request
   * @throws TartanException if no ask will ever be answered: no server, wrong key, no such model
   */
  @Nullable Reply ask(List<Message> messages, Budget budget) {
    String body = llm.body(messages);
    Reply failed = null;
    for (int attempt = 1; attempt <= patience.retries() + 1; attempt++) {
      awaitTurn();
      if (!budget.take()) {
        return failed;
      }
      long pause = patience.backoff().millis(attempt);
      try {
        HttpResponse<byte[]> response = send(body);
        reached = true;
        if (response.statusCode() == 200) {
          Reply reply = ReplyReader.read(response.body(), body.length(), attempt);
          budget.use(reply.usage());
          return cleaned(reply);
        }
        failed = refused(response, attempt);
        if (failed.failure() == Failure.REJECTED) {
          return failed;
        }
        pause = pause(response, attempt);
      } catch (TimeoutException e) {
        failed = Reply.failed(Failure.TIMED_OUT, "", attempt);
      } catch (IOException e) {
        if (isUnreachable(e) && (!reached || attempt > patience.retries())) {
          throw unreachable(e);
        }
        failed = Reply.failed(Failure.CONNECTION, llm.clean(reason(e)), attempt);
      }
      if (attempt <= patience.retries()) {
        Backoff.pause(pause, DURING);
      }
    }
    return failed;
  }

  private static boolean isUnreachable(IOException e) {
    return e instanceof ConnectException
        || e instanceof HttpConnectTimeoutException
        || e instanceof SSLException;
  }

  private TartanException unreachable(IOException e) {
    return new TartanException(
        "%s cannot be reached (%s); start it, or correct the address"
            .formatted(llm, e instanceof ConnectException ? "no connection" : reason(e)),
        e);
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }

  private Reply cleaned(Reply reply) {
    return reply.detail() == null
        ? reply
        : new Reply(
            null, reply.failure(), llm.clean(reply.detail()), reply.requests(), reply.usage());
  }

  /** What to make of another status than 200. */
  private Reply refused(HttpResponse<byte[]> response, int attempt) {
    int status = response.statusCode();
    String said = llm.clean(ReplyReader.message(response.body()));
    switch (status) {
      case 401, 403 -> throw new TartanException(noEntry(status, said));
      case 404 ->
          throw new TartanException(
              "%s: no such model or address (404: %s); the address often ends in /v1"
                  .formatted(llm, said));
      default -> {
        if (status < 400) {
          throw new TartanException(
              "%s answers status %d; give the address that it leads to".formatted(llm, status));
        }
        Failure failure =
            status == 429
                ? Failure.BUSY
                : status >= 500 || status == 408 ? Failure.SERVER : Failure.REJECTED;
        return Reply.failed(failure, status + ": " + said, attempt);
      }
    }
  }

  private String noEntry(int status, String said) {
    return llm.key() == null
        ? "%s wants a key (%d: %s); put it into a variable and name that: --llm-key VARIABLE"
            .formatted(llm, status, said)
        : "%s refuses %s (%d: %s)".formatted(llm, llm.key(), status, said);
  }

  private long pause(HttpResponse<byte[]> response, int attempt) {
    String stated = response.headers().firstValue("Retry-After").orElse("");
    long millis = patience.backoff().millis(attempt, stated);
    if (millis > LONGEST_PAUSE_MILLIS) {
      throw new TartanException(
          "%s wants to be left alone for %d minutes (%d: %s); go on then with --resume"
              .formatted(
                  llm,
                  millis / 60_000,
                  response.statusCode(),
                  llm.clean(ReplyReader.message(response.body()))));
    }
    if (!stated.isEmpty()) { // it concerns all who ask
      long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      notBefore.updateAndGet(now -> until - now > 0 ? until : now);
    }
    return millis;
  }

  private HttpResponse<byte[]> send(String body) throws IOException, TimeoutException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(llm.address())
            .header("Content-Type", "application/json")
            .header("User-Agent", "tartan/0.1")
            .POST(HttpRequest.BodyPublishers.ofString(body));
    Llm.Key key = llm.key();
    if (key != null) {
      request.header("Authorization", "Bearer " + key.secret());
    }
    CompletableFuture<HttpResponse<byte[]>> answer =
        http.sendAsync(
            request.build(),
            HttpResponse.BodyHandlers.limiting(
                HttpResponse.BodyHandlers.ofByteArray(), LARGEST_BODY));
    try {
      return answer.get(patience.answer().toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    } catch (InterruptedException e) {
      throw Backoff.interrupted(e, DURING);
    } finally {
      answer.cancel(true);
    }
  }

  private void awaitTurn() {
    long left = notBefore.get() - System.nanoTime();
    Backoff.pause(TimeUnit.NANOSECONDS.toMillis(Math.max(0, left)), DURING);
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
