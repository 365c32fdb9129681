package dev.tartan.search;

import dev.tartan.codec.Rotation;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Pool;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Searches one snapshot with one backend. Safe for any number of threads; answers do not depend on
 * how many, nor on what else is searched. Owns neither the snapshot nor the backend: close it
 * before them.
 */
public final class Searcher implements AutoCloseable {
  private static final long BATCH_BYTES = 64L << 20;
  private static final int MAX_BATCH = 64;

  /** Spare workspaces kept: as many as threads are likely to search at once. */
  private static final int SPARES = 64;

  private static final long CLOSING_NANOS = 100_000;

  private final Snapshot snapshot;
  private final Backend backend;

  /** One for each codec on each device; one alone in most indexes on the host. */
  private final List<Shard> shards;

  /** Living ones. */
  private final long passages;

  private final long passagesPerDocument;
  private final StageClock clock = new StageClock();
  private final ChosenSettings settings;
  private final Pool<List<Workspace>> workspaces = new Pool<>(SPARES);

  /** Searches that run. */
  private final AtomicInteger running = new AtomicInteger();

  private volatile boolean closed;

  public Searcher(Snapshot snapshot, Backend backend) {
    this.snapshot = snapshot;
    this.backend = backend;
    this.shards = Shard.of(snapshot, backend);
    this.settings = new ChosenSettings(snapshot.manifest());
    this.passages = snapshot.manifest().passages();
    this.passagesPerDocument = Math.ceilDiv(passages, Math.max(1, snapshot.manifest().documents()));
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
    return settings.of(options, null);
  }

  /** The same for a search of what is selected. */
  public SearchSettings settings(SearchOptions options, @Nullable Selection selection) {
    return settings.of(options, selection);
  }

  /**
   * The best documents for one query, best first; ties by lower passage.
   *
   * @param query [rows, dim], 1 to 256 rows, usually of unit length
   * @throws TartanException if the query does not fit the index or holds a NaN
   */
  public List<Hit> search(Matrix query, SearchOptions options) {
    return search(query, options, null);
  }

  /**
   * The same of what is selected. Recall is kept: few passages are all scored, at least in part,
   * and of many the lists of more centroids are read.
   *
   * @param selection of {@link #snapshot}; null for all that lives
   */
  public List<Hit> search(Matrix query, SearchOptions options, @Nullable Selection selection) {
    check(query);
    requireOwn(selection);
    begin();
    try (Snapshot.Lease _ = snapshot.lease()) {
      return searchOne(query, options, selection);
    } finally {
      running.decrementAndGet();
    }
  }

  /**
   * {@link #search} of many queries at once, each on one thread, as many at a time as the backend
   * has threads: the most queries a second, where {@link #search} gives the shortest time of one.
   * The same answers, in the order of the queries.
   */
  public List<List<Hit>> searchAll(List<Matrix> queries, SearchOptions options) {
    return searchAll(queries, options, null);
  }

  /** The same of what is selected. */
  public List<List<Hit>> searchAll(
      List<Matrix> queries, SearchOptions options, @Nullable Selection selection) {
    queries.forEach(this::check);
    requireOwn(selection);
    List<List<Hit>> all = new ArrayList<>(Collections.nCopies(queries.size(), List.of()));
    int most = settings(options).exhaustive() ? MAX_BATCH : backend.queriesAtOnce();
    // how far the lists of a selection are read depends on the query
    int[] ends = batchEnds(queries, selection == null ? most : 1);
    begin();
    try (Snapshot.Lease _ = snapshot.lease()) {
      backend.run(
          ends.length,
          b -> {
            int first = b == 0 ? 0 : ends[b - 1];
            if (ends[b] == first + 1) {
              all.set(first, searchOne(queries.get(first), options, selection)); // its own place
            } else {
              searchBatch(queries.subList(first, ends[b]), options, all.subList(first, ends[b]));
            }
          });
    } finally {
      running.decrementAndGet();
    }
    return all;
  }

  private void requireOwn(@Nullable Selection selection) {
    if (selection != null && selection.snapshot() != snapshot) {
      throw new IllegalArgumentException("the selection is of another snapshot");
    }
  }

  private void begin() {
    running.incrementAndGet();
    if (closed) {
      running.decrementAndGet();
      throw new IllegalStateException("the searcher is closed");
    }
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
    int dim = segment.codec().dim();
    Matrix rows = Matrix.allocate(arena, tokens, dim);
    Shard shard = shardOf(segment);
    try (Snapshot.Lease _ = snapshot.lease();
        Scope scope = shard.backend.openScope()) {
      if (shard.compressed) {
        Buffer out = scope.allocate(DType.F32, tokens, dim);
        shard.backend.decompress(shard.codec, segment.compressed(scope, passage), 0, out);
        Rotation turned = segment.codec().rotation();
        if (turned != null) {
          out = turned.rotateBack(out, shard.backend, scope);
        }
        out.copyTo(rows.data());
      } else {
        MemorySegment halves = segment.embeddings(passage);
        Layouts.halfToFloat(halves, rows.data(), (long) tokens * dim);
      }
    }
    return rows;
  }

  private Shard shardOf(Segment segment) {
    for (Shard shard : shards) {
      if (shard.segments.stream().anyMatch(tables -> tables.segment() == segment)) {
        return shard;
      }
    }
    throw new IllegalArgumentException("the segment is not of this snapshot");
  }

  /** The stored text of a hit's passage; null if the index stores none. */
  public @Nullable String text(Hit hit) {
    return passage(hit).text();
  }

  /** The metadata of a hit's document, a JSON object; empty if it has none. */
  public String metadata(Hit hit) {
    try (Snapshot.Lease _ = snapshot.lease()) {
      Segment segment = snapshot.segments().get(hit.segment());
      return segment.metadata(segment.document(hit.passage()));
    }
  }

  /** What a hit's document was found by. */
  public Passage passage(Hit hit) {
    try (Snapshot.Lease _ = snapshot.lease()) {
      Segment segment = snapshot.segments().get(hit.segment());
      return new Passage(
          segment.numberInDocument(hit.passage()),
          segment.span(hit.passage()),
          segment.text(hit.passage()));
    }
  }

  /** Works on the queries from number {@code first} on, which are valid during the call. */
  interface Batch {
    void accept(int first, List<Workspace> queries);
  }

  /** Prepares {@code queries} in batches that fit memory, as a search does. */
  void inBatches(List<Matrix> queries, Batch work) {
    queries.forEach(this::check);
    try (Snapshot.Lease _ = snapshot.lease()) {
      int first = 0;
      for (int last : batchEnds(queries, MAX_BATCH)) {
        List<Workspace> batch = open(last - first);
        try {
          for (Workspace workspace : batch) {
            workspace.take(queries.subList(first, last));
            workspace.prepare();
          }
          work.accept(first, batch);
        } finally {
          batch.forEach(Workspace::close);
        }
        first = last;
      }
    }
  }

  /** Works on one segment for the queries of a batch. */
  interface Work {
    void accept(PlaidSearch plaid, IntegerQueries queries, SegmentSearch segment);
  }

  /** Lends the pipeline of one segment, of which all that lives may be found, for a piece of work. */
  void inScope(List<Workspace> batch, int segment, Work work) {
    for (int s = 0; s < shards.size(); s++) {
      Shard shard = shards.get(s);
      for (SegmentTables tables : shard.segments) {
        if (tables.number() == segment) {
          try (Scope scope = shard.backend.openScope()) {
            PlaidSearch plaid = new PlaidSearch(shard, List.of(tables), clock, scope);
            plaid.select(null);
            work.accept(plaid, batch.get(s).integers(), plaid.segments.getFirst());
          }
        }
      }
    }
  }

  private List<Workspace> open(int queries) {
    return Workspace.open(snapshot, shards, clock, queries);
  }

  /** Searches that run end first, and no other begins. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    while (running.get() > 0) {
      LockSupport.parkNanos(CLOSING_NANOS);
    }
    for (List<Workspace> spare = workspaces.take(); spare != null; spare = workspaces.take()) {
      spare.forEach(Workspace::close);
    }
    shards.forEach(Shard::close);
  }

  /**
   * Refuses a query that cannot be searched here, as every search does.
   *
   * @throws TartanException if it does not fit the index or holds a NaN
   */
  public void check(Matrix query) {
    int dim = snapshot.manifest().dim();
    if (query.dim() != dim) {
      throw new TartanException(
          "the query has dim %d, the index %d: they are of different models"
              .formatted(query.dim(), dim));
    }
    QueryBatch.requireRows(query.rows());
    for (long i = 0; i < query.rows() * query.dim(); i++) {
      if (!Float.isFinite(query.data().getAtIndex(Layouts.F32, i))) {
        throw new TartanException(
            "row %d of the query holds a NaN or infinity".formatted(i / query.dim()));
      }
    }
  }

  /** Where batches end that have up to {@code most} queries and do not ask too much memory. */
  private int[] batchEnds(List<Matrix> queries, int most) {
    int[] ends = new int[queries.size()];
    long centroids =
        snapshot.manifest().codecs().stream()
            .mapToLong(Manifest.CodecEntry::centroids)
            .max()
            .orElse(1);
    long stored = snapshot.segments().stream().mapToLong(Segment::passages).sum();
    int n = 0;
    int first = 0;
    long bytes = 0;
    for (int q = 0; q < ends.length; q++) {
      int rows = (int) queries.get(q).rows();
      long more = PlaidSearch.bytes(centroids, rows, stored);
      if (q > first && (q - first == most || bytes + more > BATCH_BYTES)) {
        ends[n++] = q;
        first = q;
        bytes = 0;
      }
      bytes += more;
    }
    if (ends.length > 0) {
      ends[n++] = ends.length;
    }
    return Arrays.copyOf(ends, n);
  }

  private List<Hit> searchOne(Matrix query, SearchOptions options, @Nullable Selection selection) {
    SearchSettings chosen = settings(options, selection);
    List<Workspace> all = workspaces.take();
    if (all == null) {
      all = open(1);
    }
    boolean kept = false;
    try {
      for (int s = 0; s < all.size(); s++) {
        all.get(s).take(query);
      }
      Ranking ranking = all.getFirst().rankings[0];
      List<Hit> hits = List.of();
      // where a few documents with many passages leave less than k, more passages are kept
      for (long wanted = keep(options.k()); ; wanted *= 4) {
        rank(all, chosen, selection, wanted);
        hits = hits(ranking, options);
        if (!more(ranking, hits, options)) {
          break;
        }
      }
      kept = workspaces.give(all);
      return hits;
    } finally {
      if (!kept) {
        all.forEach(Workspace::close);
      }
    }
  }

  private void searchBatch(List<Matrix> queries, SearchOptions options, List<List<Hit>> found) {
    List<Workspace> all = open(queries.size());
    try {
      all.forEach(workspace -> workspace.take(queries));
      rank(all, settings(options), null, keep(options.k()));
      for (int q = 0; q < queries.size(); q++) {
        Ranking ranking = all.getFirst().rankings[q];
        List<Hit> hits = hits(ranking, options);
        boolean more = more(ranking, hits, options);
        found.set(q, more ? searchOne(queries.get(q), options, null) : hits);
      }
    } finally {
      all.forEach(Workspace::close);
    }
  }

  private static boolean more(Ranking ranking, List<Hit> hits, SearchOptions options) {
    return hits.size() < options.k() && ranking.cutShort();
  }

  private List<Hit> hits(Ranking ranking, SearchOptions options) {
    long start = System.nanoTime();
    List<Hit> hits = ranking.hits(options.k());
    clock.charge(Stage.HITS, start);
    return hits;
  }

  /**
   * Ranks the passages of all shards, at the same time; the rankings of the first have them all.
   */
  private void rank(
      List<Workspace> all, SearchSettings settings, @Nullable Selection selection, long wanted) {
    Workspace first = all.getFirst();
    if (all.size() == 1) {
      first.rank(settings, selection, wanted);
      return;
    }
    backend.run(all.size(), s -> all.get(s).rank(settings, selection, wanted));
    for (int s = 1; s < all.size(); s++) {
      for (int q = 0; q < first.rankings.length; q++) {
        first.rankings[q].add(all.get(s).rankings[q]);
      }
    }
  }

  /** Passages to keep so that k documents come of them: more where documents have several. */
  long keep(int k) {
    long keep = passagesPerDocument <= 1 ? k : 4 * passagesPerDocument * k;
    return Math.min(Math.max(1, passages), keep);
  }
}
