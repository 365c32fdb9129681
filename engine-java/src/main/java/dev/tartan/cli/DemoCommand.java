package dev.tartan.cli;

import dev.tartan.Tartan;
import dev.tartan.TextIndexer;
import dev.tartan.collection.Collection;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Stage;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows everything on a bundled sample. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Shows everything on a bundled sample.",
      "",
      "Indexes 300 abstracts of SciFact, answers three questions, explains one answer, and tells where the",
      "time went. A second run uses the index of the first.",
    })
final class DemoCommand implements Callable<Integer> {
  private static final String SAMPLE = "/dev/tartan/demo/scifact-sample.jsonl";
  private static final int SHOWN = 3;
  private static final List<String> QUESTIONS =
      List.of(
          "Migraine with aura is associated with ischemic stroke.",
          "Consumption of whole fruits increases the risk of type 2 diabetes.",
          "Omnivores produce more trimethylamine N-oxide from dietary I-carnitine than vegans.");

  @Option(
      names = "--index",
      paramLabel = "DIR",
      description = "Where the index goes (default: ${DEFAULT-VALUE}).")
  Path index = Path.of(System.getProperty("user.home"), ".cache", "tartan", "demo-index");

  @Option(names = "--fresh", description = "Make the index again.")
  boolean fresh;

  @Mixin Shared shared = new Shared();

  private final List<Map<String, Object>> answers = new ArrayList<>();
  private final Map<String, Double> times = new LinkedHashMap<>();

  @Override
  public Integer call() {
    long start = System.nanoTime();
    try (Backend backend = shared.openBackend()) {
      say(
          "Tartan demo: abstracts of SciFact (CC BY 4.0), model tartan-mini, backend "
              + backend.description());
      say("");
      if (fresh || !IndexDirectory.exists(index)) {
        makeIndex(backend);
      } else {
        say("The index of an earlier run is at %s (--fresh makes it again).".formatted(index));
      }
    }
    double indexed = seconds(start);
    try (Tartan tartan = Tartan.open(index, shared.openBackend(), shared.threads)) {
      long loading = System.nanoTime();
      tartan.encoder();
      double loaded = seconds(loading);
      long asking = System.nanoTime();
      QUESTIONS.forEach(question -> answer(tartan, question));
      double answered = seconds(asking);
      say("");
      String question = QUESTIONS.getLast();
      Hit best = tartan.search(question, 1).getFirst();
      HitPrinter.explain(tartan.explain(question, best), this::say);
      times(tartan, indexed, loaded, answered);
    }
    if (shared.json) {
      Map<String, Object> told = new LinkedHashMap<>();
      told.put("index", index.toString());
      told.put("answers", answers);
      told.put("seconds", times);
      shared.printJson(told);
    }
    return 0;
  }

  private void say(String line) {
    if (!shared.json) {
      shared.print(line);
    }
  }

  private void makeIndex(Backend backend) {
    Path sample = unpack();
    Progress progress = shared.progress();
    try (Encoder encoder = Encoders.open(Encoders.TARTAN_MINI, shared.threads)) {
      IndexOptions options = IndexOptions.of(encoder);
      Manifest manifest =
          new TextIndexer(encoder, backend, progress)
              .index(new Collection(sample), index, options)
              .manifest();
      progress.done();
      say(
          String.format(
              Locale.ROOT,
              "Indexed %,d abstracts, %,d token embeddings of dim %d, at 2 bits with %,d centroids.",
              manifest.documents(),
              manifest.tokens(),
              manifest.dim(),
              manifest.codec().centroids()));
      say("The index is at %s.".formatted(index));
    } finally {
      deleteQuietly(sample);
    }
  }

  private void answer(Tartan tartan, String question) {
    long start = System.nanoTime();
    List<Hit> hits = tartan.search(question, SearchOptions.top(SHOWN));
    double millis = seconds(start) * 1e3;
    say("");
    say(String.format(Locale.ROOT, "Evidence about: %s  (%.1f ms)", question, millis));
    HitPrinter.print(hits, tartan, this::say);
    answers.add(
        Map.of(
            "query", question, "millis", millis, "hits", HitPrinter.json(hits, tartan::passage)));
  }

  private void times(Tartan tartan, double indexed, double loaded, double answered) {
    say("");
    say("Where the time went");
    time("the index", indexed);
    time("loading the model", loaded);
    time("three questions", answered);
    double searching = 0;
    for (Map.Entry<Stage, Long> stage : tartan.searcher().clock().nanos().entrySet()) {
      time("  search: " + stage.getKey().label(), stage.getValue() * 1e-9);
      searching += stage.getValue() * 1e-9;
    }
    time("  query encoding and printing", Math.max(0, answered - searching));
  }

  private void time(String what, double seconds) {
    times.put(what.strip(), seconds);
    say(
        seconds < 1
            ? String.format(Locale.ROOT, "  %-32s %9.2f ms", what, seconds * 1e3)
            : String.format(Locale.ROOT, "  %-32s %9.2f s", what, seconds));
  }

  private static Path unpack() {
    try (InputStream in = Objects.requireNonNull(DemoCommand.class.getResourceAsStream(SAMPLE))) {
      Path file = Files.createTempFile("tartan-demo-", ".jsonl");
      file.toFile().deleteOnExit(); // at Ctrl-C too
      Files.write(file, in.readAllBytes());
      return file;
    } catch (IOException e) {
      throw TartanException.io("cannot unpack the sample", e);
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      file.toFile().deleteOnExit();
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) * 1e-9;
  }
}
