package dev.tartan.jmh;

import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.search.Stage;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * How many whole searches a second, one query after the other, {@code threads} threads sharing each
 * of them? On {@link ClusteredCorpus} unless {@code -p index=DIR -p queries=FILE.npy} name an index
 * and query embeddings [queries, rows, dim]. Prints the settings and where the time went.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class SearchBenchmark extends BackendBenchmark {
  @Param({"cpu"})
  public String backend;

  @Param({"10", "100", "1000"})
  public int k;

  @Param({"1", "2"})
  public int threads;

  @Param({"2"})
  public int nbits;

  @Param("")
  public String index;

  @Param("")
  public String queries;

  private final List<Matrix> all = new ArrayList<>();
  private Arena arena;
  private Snapshot snapshot;
  private Searcher searcher;
  private SearchOptions options;
  private int next;

  @Setup
  public void setUp() throws IOException {
    if (index.isEmpty() != queries.isEmpty()) {
      throw new IllegalArgumentException("an index and its queries go together: give both or none");
    }
    open(backend, threads);
    arena = Arena.ofShared();
    if (index.isEmpty()) {
      ClusteredCorpus corpus = new ClusteredCorpus(nbits);
      snapshot = Snapshot.open(corpus.index());
      all.addAll(corpus.queries(arena));
    } else {
      snapshot = Snapshot.open(Path.of(index));
      readQueries();
    }
    searcher = new Searcher(snapshot, subject);
    options = SearchOptions.top(k);
    System.out.println("# " + searcher.settings(options));
  }

  private void readQueries() {
    try (NpyFile file = NpyFile.open(Path.of(queries))) {
      long[] shape = file.expect("queries", 3, DType.F16, DType.F32).shape();
      int dim = Math.toIntExact(shape[2]);
      for (long q = 0; q < shape[0]; q++) {
        Matrix query = Matrix.allocate(arena, shape[1], dim);
        file.readFloats(q * shape[1] * dim, shape[1] * dim, query.data());
        all.add(withoutPadding(query));
      }
    }
  }

  /** The rows before those of zeros at the end: shorter queries are padded to the longest. */
  private static Matrix withoutPadding(Matrix query) {
    float[] zeros = new float[query.dim()];
    long rows = query.rows();
    while (rows > 1 && Arrays.equals(query.row(rows - 1), zeros)) {
      rows--;
    }
    return query.slice(0, rows);
  }

  @Benchmark
  public List<Hit> queriesASecond() {
    Matrix query = all.get(next);
    next = (next + 1) % all.size();
    return searcher.search(query, options);
  }

  @Override // without @TearDown, since JMH already calls it as the one of the base class
  public void close() {
    System.out.println();
    Map<Stage, Long> nanos = searcher.clock().nanos();
    long sum = nanos.values().stream().mapToLong(Long::longValue).sum();
    nanos.forEach(
        (stage, n) -> System.out.printf("# %5.1f %% %s%n", 100.0 * n / sum, stage.label()));
    searcher.close();
    snapshot.close();
    super.close();
    arena.close();
  }
}
