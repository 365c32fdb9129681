package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.compute.cpu.CpuKernels;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A search allocates its hits and nothing else, once the code that runs has been compiled. */
class SearcherAllocationTest {
  private static final int DIM = 32;
  private static final int K = 20;

  /** Far more than the compiler needs; the test ends at the first search that is small enough. */
  private static final int MOST_SEARCHES = 400_000;

  /** Objects of 8-byte alignment with a 16-byte header at most, references of 8 bytes at most. */
  private static final long HIT = 48;

  private static final long STRING = 32 + 24 + 32; // the string, its array, up to 32 bytes of id
  private static final long LIST = 24 + 8 * K + 32 + 32; // an array and two views of it

  @TempDir Path directory;

  @Test
  void aSearchAllocatesItsHitsAlone() {
    assumeTrue(CpuKernels.problem() == null, "the reference backend allocates");
    TestIndex.write(directory, IndexOptions.of(DIM, 2), TestIndex.docs(1, 600, DIM, 1));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    SearchOptions options = SearchOptions.of(K, new SearchSettings(2, 0.3f, 100, 40, "given"));
    try (Arena arena = Arena.ofShared();
        Backend backend = Contenders.best(1);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
      Matrix query = Matrix.of(arena, TestIndex.rows(new SplittableRandom(3), 9, DIM, centers));
      long least = Long.MAX_VALUE;
      long allowed = K * (HIT + STRING) + LIST;
      for (int i = 0; i < MOST_SEARCHES && least > allowed; i++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        List<Hit> hits = searcher.search(query, options);
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        assertTrue(hits.size() == K);
      }
      assertTrue(least <= allowed, least + " bytes for one search, its hits need " + allowed);
    }
  }
}
