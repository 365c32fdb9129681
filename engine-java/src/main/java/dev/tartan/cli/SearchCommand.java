package dev.tartan.cli;

import com.fasterxml.jackson.databind.util.RawValue;
import dev.tartan.Tartan;
import dev.tartan.collection.Query;
import dev.tartan.collection.RunWriter;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Filter;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.SearchSettings;
import dev.tartan.search.Selection;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Searches an index. */
@Command(
    name = "search",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Searches an index with one query, a file of queries, or query embeddings.",
      "",
      "--recall says how much of the exact result to find; what that takes was measured on the index",
      "('tartan info' shows it, 'tartan tune' measures again). --nprobe, --threshold, --ndocs and --scored",
      "replace one setting each, for experts.",
      "",
      "--filter finds only documents of whose metadata it is true; docs/filters.md says how it is written.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan search --index my-index \"what is late interaction?\" --explain",
      "  tartan search --index my-index --queries q.jsonl --run out.trec -k 100",
      "  tartan search --index my-index --query-embeddings q.npy --run out.trec",
      "  tartan search --index my-index \"late interaction\" --filter \"year >= 2020 and tag = 'ir'\"",
    })
final class SearchCommand implements Callable<Integer> {
  private static final int BATCH = 64;

  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Parameters(arity = "0..1", paramLabel = "QUERY", description = "One query.")
  @Nullable String query;

  @Mixin QueryFiles queries = new QueryFiles();

  @Option(
      names = "--query-ids",
      paramLabel = "FILE",
      description = "One id a line for --query-embeddings (default: numbers from 0).")
  @Nullable Path queryIds;

  @Option(
      names = "--run",
      paramLabel = "FILE",
      description = "Where the results go as a TREC run; needed with more than one query.")
  @Nullable Path run;

  @Option(
      names = "-k",
      paramLabel = "K",
      description = "Documents a query (default: ${DEFAULT-VALUE}).")
  int k = 10;

  @Option(
      names = "--recall",
      paramLabel = "R",
      description =
          "The share of the exact top K to find on average, above 0; 1 scores every passage"
              + " (default: ${DEFAULT-VALUE}).")
  double recall = SearchOptions.DEFAULT_RECALL;

  @Option(
      names = "--nprobe",
      paramLabel = "N",
      description = "Centroids probed for each query token.")
  @Nullable Integer nprobe;

  @Option(
      names = "--threshold",
      paramLabel = "T",
      description =
          "Centroids that score below T for all query tokens do not count in approximate scores.")
  @Nullable Float threshold;

  @Option(names = "--ndocs", paramLabel = "N", description = "Passages scored approximately.")
  @Nullable Integer ndocs;

  @Option(names = "--scored", paramLabel = "N", description = "Passages scored exactly.")
  @Nullable Integer scored;

  @Option(
      names = "--language",
      paramLabel = "L",
      description =
          "Language of the queries, for models with a part for each (default: that of the index).")
  @Nullable String language;

  @Option(names = "--exhaustive", description = "Score every passage exactly: --recall 1.")
  boolean exhaustive;

  @Option(
      names = "--explain",
      description =
          "Show which passage token each query token matched (of the best hit; with --json of all).")
  boolean explain;

  @Mixin FilterOptions filtering = new FilterOptions();

  @Option(
      names = "--verify",
      description =
          "Read every byte of the index and check it first; else only headers and sizes are checked.")
  boolean verify;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    SearchOptions options =
        shared.usage(
            () -> new SearchOptions(k, exhaustive ? 1 : recall, nprobe, threshold, ndocs, scored));
    if (queries.given() + (query == null ? 0 : 1) != 1) {
      throw shared.wrong("give one of QUERY, --queries and --query-embeddings");
    }
    if (query != null && query.isBlank()) {
      throw shared.wrong("the query is blank; give it at least one word");
    }
    if (query == null && run == null) {
      throw shared.wrong("--run is missing: where shall the results of all queries go?");
    }
    if (query == null && explain) {
      throw shared.wrong("--explain needs one QUERY");
    }
    if (queryIds != null && queries.embeddings == null) {
      throw shared.wrong("--query-ids is for --query-embeddings");
    }
    Filter filter = filtering.filter(shared);
    Backend backend = shared.openBackend();
    try (Tartan tartan = Tartan.open(index, backend, shared.threads, language, shared.progress())) {
      if (verify) {
        tartan.searcher().snapshot().verify();
      }
      Selection selection = filter == null ? null : tartan.select(filter);
      Asked asked =
          new Asked(tartan, options, selection, tartan.searcher().settings(options, selection));
      if (query != null) {
        one(query, asked);
      } else {
        many(asked);
      }
    }
    return 0;
  }

  /**
   * What all queries have in common.
   *
   * @param selection null for all documents
   */
  private record Asked(
      Tartan tartan,
      SearchOptions options,
      @Nullable Selection selection,
      SearchSettings settings) {
    List<List<Hit>> search(List<String> texts) {
      return tartan.searchAll(texts, options, selection);
    }
  }

  private void one(String text, Asked asked) {
    Tartan tartan = asked.tartan();
    tartan.encoder(); // loading is not searching
    long start = System.nanoTime();
    List<Hit> hits = asked.search(List.of(text)).getFirst();
    double millis = (System.nanoTime() - start) * 1e-6;
    if (run != null) {
      try (NewFiles files = new NewFiles()) {
        try (RunWriter out = new RunWriter(files.add(run), "tartan")) {
          write(out, "0", hits);
        }
        files.publish();
      }
    }
    if (shared.json) {
      printJson(tartan, text, hits, asked.settings());
      return;
    }
    HitPrinter.print(hits, tartan, shared::print);
    if (explain && !hits.isEmpty()) {
      shared.print("");
      HitPrinter.explain(tartan.explain(text, hits.getFirst()), shared::print);
    }
    shared.notice(
        String.format(
            Locale.ROOT,
            "%d hits in %.1f ms, query encoding included; %s",
            hits.size(),
            millis,
            asked.settings()));
  }

  private void printJson(Tartan tartan, String text, List<Hit> hits, SearchSettings settings) {
    List<Map<String, Object>> list = HitPrinter.json(hits, tartan::passage);
    for (int i = 0; i < hits.size(); i++) {
      String metadata = tartan.metadata(hits.get(i));
      if (!metadata.isEmpty()) {
        list.get(i).put("metadata", new RawValue(metadata));
      }
      if (explain) {
        list.get(i).put("explanation", tartan.explain(text, hits.get(i)));
      }
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("query", text);
    answer.put("settings", settings.toString());
    answer.put("hits", list);
    shared.printJson(answer);
  }

  private void many(Asked all) {
    Path target = Objects.requireNonNull(run);
    Progress progress = shared.progress();
    List<Query> asked = queries.readTexts();
    long start = System.nanoTime();
    int count;
    try (NewFiles files = new NewFiles()) {
      try (RunWriter out = new RunWriter(files.add(target), "tartan")) {
        count =
            queries.texts != null
                ? texts(all, asked, progress, out)
                : embeddings(all, progress, out);
      }
      files.publish();
    }
    progress.done();
    double seconds = (System.nanoTime() - start) * 1e-9;
    String how = all.settings().toString();
    if (shared.json) {
      shared.printJson(
          Map.of("run", target.toString(), "queries", count, "seconds", seconds, "settings", how));
    } else {
      shared.print(
          String.format(
              Locale.ROOT,
              "%s: %,d queries in %s (%.1f a second, encoding included), k %d, %s",
              target,
              count,
              TerminalProgress.time(seconds),
              count / seconds,
              k,
              how));
    }
  }

  private int texts(Asked asked, List<Query> all, Progress progress, RunWriter out) {
    asked.tartan().encoder();
    progress.stage("searching", "queries", all.size());
    for (int first = 0; first < all.size(); first += BATCH) {
      List<Query> batch = all.subList(first, Math.min(first + BATCH, all.size()));
      List<List<Hit>> hits = asked.search(batch.stream().map(Query::text).toList());
      for (int i = 0; i < batch.size(); i++) {
        write(out, batch.get(i).id(), hits.get(i));
      }
      progress.advance(batch.size());
    }
    return all.size();
  }

  private int embeddings(Asked asked, Progress progress, RunWriter out) {
    try (QueryEmbeddings file = queries.openEmbeddings();
        Arena arena = Arena.ofShared()) {
      List<String> ids =
          queryIds == null
              ? IntStream.range(0, file.count()).mapToObj(Integer::toString).toList()
              : Inputs.lines(queryIds);
      if (ids.size() != file.count()) {
        throw new TartanException(
            "%d query ids for %d queries".formatted(ids.size(), file.count()));
      }
      progress.stage("searching", "queries", file.count());
      for (int first = 0; first < file.count(); first += BATCH) {
        int n = Math.min(BATCH, file.count() - first);
        List<Matrix> batch = file.read(first, n, arena);
        List<List<Hit>> hits =
            asked.tartan().searcher().searchAll(batch, asked.options(), asked.selection());
        for (int i = 0; i < n; i++) {
          write(out, ids.get(first + i), hits.get(i));
        }
        progress.advance(n);
      }
      return file.count();
    }
  }

  private static void write(RunWriter out, String queryId, List<Hit> hits) {
    for (int i = 0; i < hits.size(); i++) {
      out.write(queryId, hits.get(i).id(), i + 1, hits.get(i).score());
    }
  }
}
