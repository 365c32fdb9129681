package dev.tartan.search;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Searches one snapshot with one backend. Safe for any number of threads; answers do not depend on
 * how many, nor on what else is searched. Owns neither the snapshot nor the backend: close it
 * before them.
 */
public final class Searcher implements AutoCloseable {
  private static final long BATCH_BYTES = 64L << 20;
  private static final int MAX_BATCH = 64;

  private final Snapshot snapshot;
  private final Backend backend;
  private final Scope resident;
  private final CodecTables codec;
  private final CentroidGrid grid;
  private final List<SegmentTables> segments = new ArrayList<>();
  private final StageClock clock = new StageClock();

  public Searcher(Snapshot snapshot, Backend backend) {
    this.snapshot = snapshot;
    this.backend = backend;
    this.resident = backend.openScope();
    this.codec = snapshot.codec().tables(resident);
    this.grid = backend.grid(codec.centroids(), resident);
    for (Segment segment : snapshot.segments()) {
      segments.add(SegmentTables.of(segment, snapshot.codec().compressed(), resident));
    }
  }

  public Snapshot snapshot() {
    return snapshot;
  }

  /** Where the time of all searches so far went. */
  public StageClock clock() {
    return clock;
  }

  /** The settings that {@code options} lead to on this index. */
  public SearchSettings settings(SearchOptions options) {
    if (options.exhaustive()) {
      return SearchSettings.exhaustive("as asked for");
    }
    SearchSettings measured =
        SearchSettings.forRecall(snapshot.manifest().curves(), options.k(), options.recall());
    if (!options.given()) {
      return measured;
    }
    return (measured.exhaustive() ? SearchSettings.untuned(options.k()) : measured).with(options);
  }

  /**
   * The best documents for one query, best first; ties by lower passage.
   *
   * @param query [rows, dim], 1 to 256 rows, usually of unit length
   * @throws TartanException if the query does not fit the index or holds a NaN
   */
  public List<Hit> search(Matrix query, SearchOptions options) {
    return searchAll(List.of(query), options).getFirst();
  }

  /**
   * {@link #search} of many queries at once, which shares out the work better. The same answers, in
   * the order of the queries.
   */
  public List<List<Hit>> searchAll(List<Matrix> queries, SearchOptions options) {
    List<List<Hit>> all = new ArrayList<>(queries.size());
    queries.forEach(this::check);
    try (Snapshot.Lease _ = snapshot.lease()) {
      int first = 0;
      while (first < queries.size()) {
        int last = batchEnd(queries, first);
        all.addAll(searchBatch(queries.subList(first, last), options, 1));
        first = last;
      }
    }
    return all;
  }

  /**
   * Similarity of every query row with every token of a hit's passage, from which its score was
   * made: {@code [rows, tokens]} in {@code arena}. The score is the sum over rows of the row's
   * maximum.
   */
  public Matrix similarities(Matrix query, Hit hit, Arena arena) {
    check(query);
    Segment segment = snapshot.segments().get(hit.segment());
    Matrix tokens = tokens(segment, hit.passage(), arena);
    Matrix similarities = Matrix.allocate(arena, query.rows(), Math.max(1, (int) tokens.rows()));
    for (int r = 0; r < query.rows(); r++) {
      for (int t = 0; t < tokens.rows(); t++) {
        float sum = 0;
        for (int d = 0; d < tokens.dim(); d++) {
          sum = Math.fma(query.get(r, d), tokens.get(t, d), sum);
        }
        similarities.set(r, t, sum);
      }
    }
    return similarities;
  }

  /** The reconstructed token embeddings of a passage, [tokens, dim] in {@code arena}. */
  public Matrix tokens(Segment segment, int passage, Arena arena) {
    int tokens = segment.doclen(passage);
    Matrix rows = Matrix.allocate(arena, tokens, codec.dim());
    try (Snapshot.Lease _ = snapshot.lease();
        Scope scope = backend.openScope()) {
      if (snapshot.codec().compressed()) {
        Buffer out = scope.allocate(DType.F32, tokens, codec.dim());
        backend.decompress(codec, segment.compressed(scope), segment.firstToken(passage), out);
        out.copyTo(rows.data());
      } else {
        Buffer part = segment.dense(scope).rows().slice(segment.firstToken(passage), tokens);
        MemorySegment halves = arena.allocate(part.bytes(), 64);
        part.copyTo(halves);
        Layouts.halfToFloat(halves, rows.data(), (long) tokens * codec.dim());
      }
    }
    return rows;
  }

  /** The stored text of a hit's passage; null if the index stores none. */
  public @Nullable String text(Hit hit) {
    try (Snapshot.Lease _ = snapshot.lease()) {
      return snapshot.segments().get(hit.segment()).text(hit.passage());
    }
  }

  /** Works on the queries from number {@code first} on, which are valid during the call. */
  interface Batch {
    void accept(int first, IntegerQueries queries);
  }

  /** Prepares {@code queries} in batches that fit memory, as a search does. */
  void inBatches(List<Matrix> queries, Batch work) {
    queries.forEach(this::check);
    try (Snapshot.Lease _ = snapshot.lease()) {
      int last;
      for (int first = 0; first < queries.size(); first = last) {
        last = batchEnd(queries, first);
        try (Scope scope = backend.openScope()) {
          QueryBatch batch = batch(queries.subList(first, last), scope);
          work.accept(first, plaid(scope).integerScores(batch));
        }
      }
    }
  }

  /** Lends the pipeline, with memory for one piece of work. */
  void inScope(Consumer<PlaidSearch> work) {
    try (Scope scope = backend.openScope()) {
      work.accept(plaid(scope));
    }
  }

  List<SegmentTables> segments() {
    return segments;
  }

  private PlaidSearch plaid(Scope scope) {
    return new PlaidSearch(backend, codec, grid, snapshot.codec().compressed(), clock, scope);
  }

  @Override
  public void close() {
    resident.close();
  }

  private void check(Matrix query) {
    ResidualCodec tables = snapshot.codec();
    if (query.dim() != tables.dim()) {
      throw new TartanException(
          "the query has dim %d, the index %d: they are of different models"
              .formatted(query.dim(), tables.dim()));
    }
    if (query.rows() < 1 || query.rows() > QueryBatch.MAX_ROWS) {
      throw new TartanException(
          "the query has %d token embeddings; 1 to %d can be searched"
              .formatted(query.rows(), QueryBatch.MAX_ROWS));
    }
    for (long i = 0; i < query.rows() * query.dim(); i++) {
      if (!Float.isFinite(query.data().getAtIndex(Layouts.F32, i))) {
        throw new TartanException(
            "row %d of the query holds a NaN or infinity".formatted(i / query.dim()));
      }
    }
  }

  private int batchEnd(List<Matrix> queries, int first) {
    long bytes = 0;
    int last = first;
    while (last < queries.size() && last - first < MAX_BATCH) {
      bytes +=
          PlaidSearch.bytes(
              codec.centroids().rows(),
              (int) queries.get(last).rows(),
              snapshot.manifest().passages());
      if (last > first && bytes > BATCH_BYTES) {
        break;
      }
      last++;
    }
    return last;
  }

  /**
   * One batch. Where a few documents with many passages leave less than k, more passages are kept
   * for that query alone: {@code factor} times as many.
   */
  private List<List<Hit>> searchBatch(List<Matrix> queries, SearchOptions options, int factor) {
    List<List<Hit>> hits = new ArrayList<>();
    queries.forEach(q -> hits.add(new ArrayList<>()));
    boolean[] cut = new boolean[queries.size()];
    SearchSettings settings = settings(options);
    try (Scope scope = backend.openScope()) {
      PlaidSearch plaid = plaid(scope);
      QueryBatch batch = batch(queries, scope);
      @Nullable IntegerQueries integers = settings.exhaustive() ? null : plaid.integerScores(batch);
      for (int s = 0; s < segments.size(); s++) {
        SegmentTables segment = segments.get(s);
        long passages = segment.segment().passages();
        long keep = Math.min(passages, factor * keep(segment.segment(), options.k()));
        Candidates best =
            integers == null || keep == passages
                ? plaid.exhaustive(batch, segment, keep)
                : plaid.search(integers, segment, settings, keep);
        collect(best, s, hits);
        for (int q = 0; q < cut.length; q++) {
          cut[q] |= best.count(q) == keep && keep < passages;
        }
      }
    }
    long start = System.nanoTime();
    List<List<Hit>> result = new ArrayList<>();
    hits.forEach(h -> result.add(bestDocuments(h, options.k())));
    clock.charge(Stage.HITS, start);
    for (int q = 0; q < cut.length; q++) {
      if (cut[q] && result.get(q).size() < options.k()) {
        result.set(q, searchBatch(queries.subList(q, q + 1), options, 4 * factor).getFirst());
      }
    }
    return result;
  }

  /** Passages to keep so that k documents come of them: more where documents have several. */
  static long keep(Segment segment, int k) {
    long perDocument = Math.ceilDiv(segment.passages(), Math.max(1, segment.documents()));
    return Math.min(segment.passages(), k * (perDocument == 1 ? 1 : 4 * perDocument));
  }

  private static QueryBatch batch(List<Matrix> queries, Scope scope) {
    int[] offsets = new int[queries.size() + 1];
    for (int q = 0; q < queries.size(); q++) {
      offsets[q + 1] = offsets[q] + (int) queries.get(q).rows();
    }
    Buffer rows = scope.allocate(DType.F32, offsets[queries.size()], queries.getFirst().dim());
    for (int q = 0; q < queries.size(); q++) {
      rows.slice(offsets[q], offsets[q + 1] - offsets[q]).copyFrom(queries.get(q).data());
    }
    return new QueryBatch(rows, offsets);
  }

  private void collect(Candidates best, int segmentNumber, List<List<Hit>> hits) {
    Segment segment = segments.get(segmentNumber).segment();
    try (Arena arena = Arena.ofConfined()) {
      for (int q = 0; q < best.queries(); q++) {
        long n = best.count(q);
        MemorySegment passages = arena.allocate(n * Integer.BYTES, 4);
        MemorySegment scores = arena.allocate(n * Float.BYTES, 4);
        best.passages().slice(q * best.capacity(), n).copyTo(passages);
        best.scores().slice(q * best.capacity(), n).copyTo(scores);
        for (int i = 0; i < n; i++) {
          int passage = passages.getAtIndex(Layouts.I32, i);
          String id = segment.id(segment.document(passage));
          float score = scores.getAtIndex(Layouts.F32, i);
          hits.get(q).add(new Hit(id, score, segmentNumber, passage));
        }
      }
    }
  }

  /** Each document once, with its best passage. */
  private static List<Hit> bestDocuments(List<Hit> hits, int k) {
    hits.sort(
        Comparator.comparing((Hit h) -> -h.score())
            .thenComparing(Hit::segment)
            .thenComparing(Hit::passage));
    Map<String, Hit> best = new HashMap<>();
    return hits.stream().filter(h -> best.putIfAbsent(h.id(), h) == null).limit(k).toList();
  }
}
