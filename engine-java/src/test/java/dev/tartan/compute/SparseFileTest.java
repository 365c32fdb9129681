package dev.tartan.compute;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tartan.memory.DType;
import dev.tartan.memory.MappedFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Residuals and embeddings beyond 2 and 4 GiB of a file, which is nothing but a hole before. */
class SparseFileTest {
  private static final int DIM = 1024;
  private static final int NBITS = 8;
  private static final int LAST = 3;

  @TempDir Path directory;

  @Test
  void residualsBeyondFourGibibytes() throws IOException {
    ContractCase small = small();
    long tokens = (1L << 32) / DIM + LAST;
    Path file = sparse(tokens * DIM, MemorySegment.ofArray(small.residuals));
    try (Backend reference = Contenders.reference();
        Loaded right = new Loaded(small, reference)) {
      float expected = maxSim(right, right.passages, 0);
      for (Backend backend : Contenders.onHost()) {
        try (backend;
            Arena arena = Arena.ofShared();
            Loaded on = new Loaded(small, backend)) {
          MemorySegment codes = arena.allocate(tokens * 2, 64);
          for (int t = 0; t < LAST; t++) {
            codes.setAtIndex(ValueLayout.JAVA_SHORT, tokens - LAST + t, (short) small.codes[t]);
          }
          CompressedPassages large =
              new CompressedPassages(
                  offsets(on, arena, tokens),
                  on.scope.wrap(DType.U16, 1, codes),
                  on.scope.wrap(DType.U8, DIM, MappedFile.map(file, arena)),
                  null);
          assertEquals(expected, maxSim(on, large, 1), 1e-4, backend.description());
          Buffer out = on.scope.allocate(DType.F32, 1, DIM);
          backend.decompress(on.codec, large, tokens - 1, out);
          Buffer same = right.scope.allocate(DType.F32, 1, DIM);
          reference.decompress(right.codec, right.passages, LAST - 1, same);
          assertEquals(Loaded.floats(same)[DIM - 1], Loaded.floats(out)[DIM - 1], 1e-6);
        }
      }
    }
  }

  @Test
  void embeddingsBeyondFourGibibytes() throws IOException {
    ContractCase small = small();
    long tokens = (1L << 32) / (4L * DIM) + LAST;
    Path file = sparse(tokens * DIM * 4, MemorySegment.ofArray(small.dense));
    try (Backend reference = Contenders.reference();
        Loaded right = new Loaded(small, reference)) {
      Candidates first = right.given(new int[][] {{0}}, new float[0][]);
      reference.maxSimDense(right.queries, right.dense(false), first);
      for (Backend backend : Contenders.onHost()) {
        try (backend;
            Arena arena = Arena.ofShared();
            Loaded on = new Loaded(small, backend)) {
          Buffer rows = on.scope.wrap(DType.F32, DIM, MappedFile.map(file, arena));
          Candidates last = on.given(new int[][] {{1}}, new float[0][]);
          DensePassages large = new DensePassages(offsets(on, arena, tokens), rows);
          backend.maxSimDense(on.queries, large, last);
          assertEquals(Loaded.scores(first, 0)[0], Loaded.scores(last, 0)[0], 1e-4);
        }
      }
    }
  }

  private static float maxSim(Loaded on, CompressedPassages passages, int passage) {
    Candidates one = on.given(new int[][] {{passage}}, new float[0][]);
    on.backend.maxSim(on.queries, on.centroidScores(), on.codec, passages, one);
    return Loaded.scores(one, 0)[0];
  }

  /** One passage that takes all but the last three tokens, and one that has those. */
  private static Buffer offsets(Loaded on, Arena arena, long tokens) {
    long[] offsets = {0, tokens - LAST, tokens};
    return on.scope.wrap(DType.I64, 1, arena.allocateFrom(ValueLayout.JAVA_LONG, offsets));
  }

  /** A case of one passage of three tokens, of the unit form. */
  private static ContractCase small() {
    SplittableRandom seeds = new SplittableRandom(1);
    while (true) {
      ContractCase.Shape shape =
          new ContractCase.Shape(seeds.nextLong(), DIM, NBITS, 5, new int[] {4}, 1);
      ContractCase small = new ContractCase(shape, LAST);
      if (small.offsets[1] == LAST && small.factors == null) {
        return small;
      }
    }
  }

  private Path sparse(long bytes, MemorySegment end) throws IOException {
    Path file = directory.resolve("sparse");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer last = ByteBuffer.wrap(end.toArray(ValueLayout.JAVA_BYTE));
      channel.position(bytes - last.remaining());
      while (last.hasRemaining()) {
        channel.write(last);
      }
    }
    return file;
  }
}
