package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import org.junit.jupiter.api.Test;

class ChunkReaderTest {
  private static final int DIM = 8;

  /** Row r points along r % 8, 3 long; row {@code bad} has no direction. */
  private record Made(long tokens, long bad) implements EmbeddingSource {
    @Override
    public int dim() {
      return DIM;
    }

    @Override
    public String name() {
      return "made.npy";
    }

    @Override
    public void read(long first, Matrix target) {
      target.data().fill((byte) 0);
      for (long r = 0; r < target.rows(); r++) {
        target.set(r, (int) ((first + r) % DIM), first + r == bad ? 0 : 3);
      }
    }
  }

  @Test
  void everyRowComesOnceInOrderAndOfUnitLength() {
    for (long tokens : new long[] {0, 1, ChunkReader.CHUNK, 3L * ChunkReader.CHUNK + 5}) {
      long seen = 0;
      try (ChunkReader reader = new ChunkReader(new Made(tokens, -1))) {
        for (Matrix rows = reader.next(); rows != null; rows = reader.next()) {
          for (long r = 0; r < rows.rows(); r++, seen++) {
            assertEquals(1, rows.get(r, (int) (seen % DIM)), "row " + seen + " of " + tokens);
          }
        }
        assertNull(reader.next());
      }
      assertEquals(tokens, seen);
    }
  }

  @Test
  void aBadRowOfALaterChunkIsNamed() {
    long bad = ChunkReader.CHUNK + 7L;
    try (ChunkReader reader = new ChunkReader(new Made(2L * ChunkReader.CHUNK, bad))) {
      reader.next();
      TartanException e = assertThrows(TartanException.class, reader::next);
      assertTrue(e.getMessage().contains("made.npy: row " + bad), e.getMessage());
    }
  }

  @Test
  void closingEarlyWaitsForTheChunkUnderWay() {
    try (ChunkReader reader = new ChunkReader(new Made(5L * ChunkReader.CHUNK, -1))) {
      assertEquals(ChunkReader.CHUNK, reader.next().rows());
    }
  }
}
