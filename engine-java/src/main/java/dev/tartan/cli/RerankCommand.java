package dev.tartan.cli;

import dev.tartan.CollectionReranker;
import dev.tartan.MaxSimReranker;
import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import dev.tartan.collection.Ranked;
import dev.tartan.collection.Run;
import dev.tartan.collection.RunWriter;
import dev.tartan.collection.Span;
import dev.tartan.compute.Backend;
import dev.tartan.encode.CrossEncoder;
import dev.tartan.encode.CrossEncoderReranker;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.Reranker;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ranks documents again, or for the first time, without an index. */
@Command(
    name = "rerank",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Ranks the documents of a run again, or all of a small collection, without an index: by MaxSim of a",
      "late-interaction model, uncompressed, or by a cross-encoder, which is better and far slower.",
      "",
      "Only what the run names is read by the model. Of long documents the model reads the start.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan rerank --collection docs.jsonl --queries q.jsonl --run in.trec --out out.trec",
      "  tartan rerank --cross-encoder M --collection d.jsonl --queries q.jsonl --run in.trec --out o.trec",
      "  tartan rerank --collection docs.jsonl --queries q.jsonl --out exact.trec -k 100",
      "  tartan rerank --collection docs.jsonl \"what is late interaction?\"",
    })
final class RerankCommand implements Callable<Integer> {
  private static final int DEFAULT_K = 10;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "A late-interaction model, see 'tartan index' (default, without --cross-encoder: tartan-mini).")
  @Nullable String model;

  @Option(
      names = "--cross-encoder",
      paramLabel = "M",
      description =
          "A model for sequence classification with one output: its folder or its name on the hub.")
  @Nullable String crossEncoder;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description =
          "The most tokens of a pair that the cross-encoder reads (default: what it can, at most 512).")
  int maxLength;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--collection",
      required = true,
      paramLabel = "FILE",
      description = "The documents: JSONL or TSV, see 'tartan index'.")
  Path collection;

  @Parameters(arity = "0..1", paramLabel = "QUERY", description = "One query.")
  @Nullable String query;

  @Option(
      names = "--queries",
      paramLabel = "FILE",
      description = "Queries: JSONL with _id or id and text, or TSV id<TAB>text.")
  @Nullable Path queries;

  @Option(
      names = "--run",
      paramLabel = "FILE",
      description = "The TREC run to rerank (default: rank every document for every query).")
  @Nullable Path run;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Where the results go as a TREC run; needed with --queries.")
  @Nullable Path out;

  @Option(
      names = "-k",
      paramLabel = "K",
      description = "Documents a query to keep (default: all of the run, else 10).")
  @Nullable Integer k;

  @Option(
      names = "--candidates",
      paramLabel = "N",
      description = "Rerank the first N documents a query of the run (default: all).")
  @Nullable Integer candidates;

  @Option(
      names = "--language",
      paramLabel = "L",
      description = "Of texts that do not tell theirs, see 'tartan index'.")
  @Nullable String language;

  @Mixin Shared shared = new Shared();

  /**
   * What is to be done.
   *
   * @param candidates the documents to rank for each query; null for all
   * @param unranked queries that are left out, since the run does not have them
   */
  private record Work(List<Query> queries, @Nullable List<List<String>> candidates, int unranked) {
    Set<String> documents() {
      Set<String> ids = new LinkedHashSet<>();
      if (candidates != null) {
        candidates.forEach(ids::addAll);
      }
      return ids;
    }

    /** Pairs to score in a collection of so many documents; -1 if that is not known. */
    long pairs(long documents) {
      return candidates != null
          ? candidates.stream().mapToLong(List::size).sum()
          : documents < 0 ? -1 : documents * queries.size();
    }

    List<String> texts() {
      return queries.stream().map(Query::text).toList();
    }
  }

  @Override
  public Integer call() {
    checkOptions();
    Progress progress = shared.progress();
    Work work = query == null ? ofFiles() : new Work(List.of(new Query("0", query)), null, 0);
    try (NewFiles files = new NewFiles()) {
      Path part = out == null ? null : files.add(out);
      long total = work.pairs(Inputs.check(collection, work.documents(), progress));
      if (work.unranked > 0) {
        shared.notice("%d queries have no document in %s".formatted(work.unranked, run));
      }
      long start = System.nanoTime();
      Result result = withModel(work.texts(), scorer -> rank(scorer, work, total, progress));
      if (part != null) {
        write(part, work.queries, result.hits);
        files.publish();
      }
      report(work, result, (System.nanoTime() - start) * 1e-9);
    }
    return 0;
  }

  private void checkOptions() {
    shared.checkOptions();
    if (model != null && crossEncoder != null) {
      throw shared.wrong("give one of --model and --cross-encoder");
    }
    if ((query == null) == (queries == null)) {
      throw shared.wrong("give one of QUERY and --queries");
    }
    if (query != null && query.isBlank()) {
      throw shared.wrong("the query is blank; give it at least one word");
    }
    if (queries != null && out == null) {
      throw shared.wrong("--out is missing: where shall the results of all queries go?");
    }
    if (run != null && queries == null) {
      throw shared.wrong("--run is for --queries");
    }
    if (candidates != null && run == null) {
      throw shared.wrong("--candidates is for --run");
    }
    if (language != null && crossEncoder != null) {
      throw shared.wrong("--language is for --model");
    }
    if (shared.typed("--max-length") && crossEncoder == null) {
      throw shared.wrong("--max-length is for --cross-encoder");
    }
    for (Integer number : Arrays.asList(k, candidates)) {
      if (number != null && number < 1) {
        throw shared.wrong("-k and --candidates are 1 or more, not " + number);
      }
    }
  }

  private Work ofFiles() {
    Path asked = Objects.requireNonNull(queries);
    List<Query> all = Queries.read(asked);
    if (run == null) {
      return new Work(all, null, 0);
    }
    Run ranked = Run.read(run);
    Set<String> known = all.stream().map(Query::id).collect(Collectors.toSet());
    for (String id : ranked.queryIds()) {
      if (!known.contains(id)) {
        throw new TartanException("%s: query '%s' is not in %s".formatted(run, id, asked));
      }
    }
    List<Query> found = all.stream().filter(q -> ranked.queryIds().contains(q.id())).toList();
    int most = candidates == null ? Integer.MAX_VALUE : candidates;
    return new Work(
        found,
        found.stream()
            .map(q -> ranked.ranking(q.id()).stream().limit(most).map(Ranked::documentId).toList())
            .toList(),
        all.size() - found.size());
  }

  /** The hits of each query, and what can tell of them. */
  private record Result(CollectionReranker reranker, List<List<Hit>> hits) {}

  private Result rank(Reranker scorer, Work work, long total, Progress progress) {
    int keep = k != null ? k : run == null ? DEFAULT_K : Integer.MAX_VALUE;
    CollectionReranker reranker =
        new CollectionReranker(scorer, work.queries.size(), keep, progress);
    return new Result(reranker, reranker.rank(new Collection(collection), work.candidates, total));
  }

  private Result withModel(List<String> texts, Function<Reranker, Result> use) {
    if (crossEncoder != null) {
      try (CrossEncoder opened =
              CrossEncoder.open(crossEncoder, maxLength, Hub.ofEnvironment(shared.progress()));
          Reranker scorer = new CrossEncoderReranker(opened, texts, shared.threads)) {
        return use.apply(scorer);
      }
    }
    try (Backend backend = shared.openBackend();
        Encoder encoder = shared.openModel(model == null ? Encoders.TARTAN_MINI : model, language);
        Reranker scorer = new MaxSimReranker(encoder, backend, texts)) {
      return use.apply(scorer);
    }
  }

  private static void write(Path file, List<Query> queries, List<List<Hit>> hits) {
    try (RunWriter writer = new RunWriter(file, "tartan")) {
      for (int q = 0; q < queries.size(); q++) {
        for (int i = 0; i < hits.get(q).size(); i++) {
          Hit hit = hits.get(q).get(i);
          writer.write(queries.get(q).id(), hit.id(), i + 1, hit.score());
        }
      }
    }
  }

  private void report(Work work, Result result, double seconds) {
    if (query != null) {
      List<Hit> hits = result.hits.getFirst();
      if (shared.json) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("query", query);
        answer.put("hits", HitPrinter.json(hits, hit -> passage(result.reranker, hit)));
        shared.printJson(answer);
      } else {
        HitPrinter.print(hits, hit -> passage(result.reranker, hit), false, shared::print);
      }
      return;
    }
    if (shared.json) {
      shared.printJson(
          Map.of(
              "out", String.valueOf(out),
              "queries", work.queries.size(),
              "pairs", result.reranker.pairs(),
              "seconds", seconds));
      return;
    }
    shared.print(
        String.format(
            Locale.ROOT,
            "%s: %,d queries, %,d pairs scored in %s, loading included",
            out,
            work.queries.size(),
            result.reranker.pairs(),
            TerminalProgress.time(seconds)));
  }

  private static Passage passage(CollectionReranker reranker, Hit hit) {
    Document document = Objects.requireNonNull(reranker.document(hit));
    return new Passage(0, new Span(0, document.text().length()), document.passage());
  }
}
