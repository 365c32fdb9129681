package dev.tartan.cli;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Queries;
import dev.tartan.encode.CrossEncoder;
import dev.tartan.encode.Encoders;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import dev.tartan.train.NegativeMiner;
import dev.tartan.train.TrainResult;
import dev.tartan.train.TrainingFiles;
import dev.tartan.train.synthetic.Journal;
import dev.tartan.train.synthetic.Llm;
import dev.tartan.train.synthetic.LlmClient;
import dev.tartan.train.synthetic.Passage;
import dev.tartan.train.synthetic.PassageSample;
import dev.tartan.train.synthetic.Prompt;
import dev.tartan.train.synthetic.Prompts;
import dev.tartan.train.synthetic.SyntheticQuery;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Adapts a model to a collection that has no queries. */
@Command(
    name = "adapt",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Adapts a model to a collection that has no queries: a language model writes them (UDAPDR),",
      "those that find their passage are kept, cross-encoders score them, the model learns from it.",
      "",
      "A few passages are shown to the language model with general prompts; what it writes becomes",
      "the examples in the prompts for many passages. --out becomes a model like any other; adapt/",
      "within it has every answer (journal.jsonl), what came of each step as files that 'tartan mine',",
      "'teach' and 'train' take, and a report.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan adapt --collection docs.jsonl --llm-url http://localhost:8000/v1 --llm-model M \\",
      "    --passages 100 --until queries --out my-model",
      "  tartan adapt --collection docs.jsonl --llm-url https://api.example.com/v1 --llm-key API_KEY \\",
      "    --llm-model L --bulk-llm-model S --max-tokens 5000000 --cross-encoder C \\",
      "    --dev-queries dev.jsonl --dev-qrels dev.tsv --out my-model",
      "See docs/training.md.",
    })
final class AdaptCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "The model to begin with: tartan-mini, or a folder (default: ${DEFAULT-VALUE}).")
  String model = Encoders.TARTAN_MINI;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--collection",
      required = true,
      paramLabel = "FILE",
      description = "What to adapt to: JSONL or TSV, see 'tartan index'.")
  Path collection;

  @Option(
      names = "--index",
      paramLabel = "DIR",
      description =
          "An index of it, whose model is the one to begin with (default: one is made by --model).")
  @Nullable Path index;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The folder for the adapted model.")
  Path out;

  @Mixin LlmSettings llms = new LlmSettings();

  @Option(
      names = "--prompt-passages",
      paramLabel = "N",
      description =
          "Passages that are shown with each of the five general prompts (default: ${DEFAULT-VALUE}).")
  int promptPassages = 10;

  @Option(
      names = "--prompts",
      paramLabel = "N",
      description = "Adapted prompts, each with other examples (default: ${DEFAULT-VALUE}).")
  int prompts = 5;

  @Option(
      names = "--passages",
      paramLabel = "N",
      description =
          "Passages to get queries for; a resumed run may raise it (default: ${DEFAULT-VALUE}).")
  int passages = 2000;

  @Option(
      names = "--per-passage",
      paramLabel = "N",
      description =
          "Queries for each passage, each by another of the prompts (default: ${DEFAULT-VALUE}).")
  int perPassage = 1;

  @Option(
      names = "--top",
      paramLabel = "N",
      description =
          "Keep a query if its passage is among so many that the model finds (default: ${DEFAULT-VALUE}).")
  int top = 20;

  @Mixin NegativeSettings negatives = new NegativeSettings();

  @Option(
      names = "--cross-encoder",
      paramLabel = "DIR",
      description = {
        "A teacher, see 'tartan teach'; repeat it for several. Without one the",
        "model learns only that the passage of a query comes before the negatives.",
      })
  List<String> crossEncoders = List.of();

  @Option(
      names = "--until",
      paramLabel = "STEP",
      description =
          "Stop after prompts, queries, examples or model; go on with --resume (default: model).")
  Step until = Step.MODEL;

  @Mixin TrainSettings settings = new TrainSettings();

  @Option(
      names = "--resume",
      description = "Go on with the run in --out; what was answered is not asked again.")
  boolean resume;

  @Option(
      names = "--language",
      paramLabel = "L",
      description = "Language of the texts, for models with a part for each.")
  @Nullable String language;

  @Mixin Shared shared = new Shared();

  /** Where to stop. */
  enum Step {
    PROMPTS,
    QUERIES,
    EXAMPLES,
    MODEL
  }

  private final AdaptReport report = new AdaptReport();

  @Override
  public Integer call() {
    NegativeMiner miner = check();
    Llm strong = llms.strong(shared);
    Llm bulk = llms.bulk(shared);
    checkFiles();
    PassageSample sample = sample();
    AdaptFolder folder = AdaptFolder.open(out, resume, facts(sample, strong, bulk));
    report.collection(sample.documents());
    report.time("sample");
    List<SyntheticQuery> queries = ask(folder, sample, strong, bulk);
    TrainResult result = null;
    if (until.compareTo(Step.EXAMPLES) >= 0) {
      result = learn(new AdaptExamples(folder, collection, shared, report), queries, miner);
    }
    report.tell(folder.file("report.json"), out, result, shared);
    return 0;
  }

  private NegativeMiner check() {
    shared.checkOptions();
    settings.check(shared);
    llms.check(shared);
    if (promptPassages < 1 || prompts < 1 || passages < 1 || top < 1) {
      throw shared.wrong("--prompt-passages, --prompts, --passages and --top must be at least 1");
    }
    if (perPassage < 1 || perPassage > prompts) {
      throw shared.wrong(
          "--per-passage is %d; it must lie between 1 and the %d prompts"
              .formatted(perPassage, prompts));
    }
    if (index != null && (shared.typed("--model") || shared.typed("--language"))) {
      throw shared.wrong(
          "--index has a model and a language already; leave out --model and --language");
    }
    return negatives.miner(settings.seed, shared);
  }

  /** What would be found wrong only after the language model was paid. */
  private void checkFiles() {
    Inputs.check(collection, Set.of(), shared.progress());
    if (index != null) {
      Manifest manifest = Manifest.read(index);
      if (manifest.model() == null) {
        throw new TartanException(
            "the index at %s was made of brought embeddings and knows no model to adapt"
                .formatted(index));
      }
      model = manifest.model();
      language = manifest.language();
    }
    TrainingFiles.Development development = settings.development();
    if (development != null) {
      Queries.read(development.queries());
      Qrels.read(development.qrels());
    }
    for (String teacher : crossEncoders) {
      CrossEncoder.open(teacher).close();
    }
  }

  private PassageSample sample() {
    Progress progress = shared.progress();
    PassageSample sample =
        PassageSample.draw(
            new Collection(collection), promptPassages + passages, settings.seed, progress);
    if (sample.documents() < 2) {
      throw new TartanException(
          "%s has %d documents with text; an adaptation needs some for the prompts and others to ask about"
              .formatted(collection, sample.documents()));
    }
    return sample;
  }

  private Map<String, String> facts(PassageSample sample, Llm strong, Llm bulk) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("the content of --collection", Long.toHexString(sample.checksum()));
    facts.put("--model", model);
    facts.put("--index", index == null ? "" : index.toAbsolutePath().normalize().toString());
    facts.put("--language", language == null ? "" : language);
    facts.put("--seed", Long.toString(settings.seed));
    facts.put("--llm-model", strong.model());
    facts.put("--llm-fields", strong.fields());
    facts.put("--bulk-llm-model", bulk.model());
    facts.put("--bulk-llm-fields", bulk.fields());
    facts.put("--prompt-passages", Integer.toString(promptPassages));
    facts.put("--prompts", Integer.toString(prompts));
    facts.put("--per-passage", Integer.toString(perPassage));
    facts.put("the wording of prompts", Prompts.version());
    return facts;
  }

  private List<SyntheticQuery> ask(AdaptFolder folder, PassageSample sample, Llm strong, Llm bulk) {
    // of a small collection most is to be asked about
    int first =
        (int) Math.min(promptPassages, Math.max(1, sample.documents() / Prompts.DEMONSTRATIONS));
    List<Passage> drawn = sample.passages();
    List<Passage> shown = drawn.subList(0, Math.min(first, drawn.size()));
    List<Passage> others = drawn.subList(shown.size(), Math.min(drawn.size(), first + passages));
    try (Journal journal = Journal.open(folder.file("journal.jsonl"));
        LlmClient strongClient = llms.client(strong);
        LlmClient bulkClient = llms.client(bulk)) {
      AdaptQueries stages = new AdaptQueries(folder, journal, llms, shared.progress(), report);
      List<Prompt> adapted = stages.prompts(strongClient, shown, prompts, settings.seed);
      List<SyntheticQuery> queries =
          until == Step.PROMPTS
              ? List.of()
              : stages.queries(bulkClient, adapted, others, perPassage);
      stages.reportSpent();
      return queries;
    }
  }

  private @Nullable TrainResult learn(
      AdaptExamples examples, List<SyntheticQuery> queries, NegativeMiner miner) {
    Path searched = index == null ? examples.index(model, language) : index;
    int depth = Math.max(top, negatives.depth());
    Path file = examples.mined(queries, examples.rankings(searched, queries, depth), top, miner);
    if (!crossEncoders.isEmpty()) {
      file = examples.scored(file, crossEncoders);
    }
    report.examples(file, crossEncoders.size());
    if (until == Step.EXAMPLES) {
      return null;
    }
    TrainingFiles files =
        new TrainingFiles(file, examples.keptQueries(), collection, settings.development());
    TrainResult result =
        settings.train(new TrainSettings.Start(model, language, out, resume), files, shared);
    report.trained(result);
    report.time("training");
    return result;
  }
}
