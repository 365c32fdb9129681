package dev.tartan.encode;

import dev.tartan.encode.model.TokenEmbedder;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Tasks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/** Sequences on their way through the model, for one call of {@link ColbertEncoder}. */
final class Encoding {
  private static final Thread ANOTHER = Thread.ofVirtual().unstarted(() -> {});

  private final TokenEmbedder embedder;
  private final List<TokenSequence> sequences;
  private final List<Integer> languages;
  private final TokenPooling pooling;
  private final long[] firstRows;

  /**
   * @param languages the embedder's number of the language of each sequence
   */
  Encoding(
      TokenEmbedder embedder,
      List<TokenSequence> sequences,
      List<Integer> languages,
      TokenPooling pooling) {
    this.embedder = embedder;
    this.sequences = sequences;
    this.languages = languages;
    this.pooling = pooling;
    this.firstRows = new long[sequences.size() + 1];
    for (int i = 0; i < sequences.size(); i++) {
      firstRows[i + 1] = firstRows[i] + pooling.rows(sequences.get(i).kept().length);
    }
  }

  /** Where the rows of each sequence begin, and where the last one's end. */
  long[] firstRows() {
    return firstRows;
  }

  /**
   * Computes all rows, in the order of the sequences.
   *
   * @param batches numbers of sequences that are computed together; of one language each
   */
  Matrix run(List<int[]> batches, ExecutorService workers, Arena arena) {
    Matrix rows = Matrix.allocate(arena, firstRows[sequences.size()], embedder.dim());
    MemorySegment data = rows.data();
    // Workers write rows where they belong, unless the caller's arena is confined to its thread.
    try (Arena scratch = Arena.ofShared()) {
      MemorySegment written =
          data.isAccessibleBy(ANOTHER) ? data : scratch.allocate(data.byteSize(), 64);
      List<Future<?>> tasks = new ArrayList<>();
      for (int[] batch : batches) {
        tasks.add(workers.submit(() -> embed(batch, written)));
      }
      tasks.forEach(task -> Tasks.await(task, "encoding"));
      if (written != data) {
        data.copyFrom(written);
      }
    }
    return rows;
  }

  private void embed(int[] batch, MemorySegment all) {
    List<TokenSequence> members = new ArrayList<>();
    for (int i : batch) {
      members.add(sequences.get(i));
    }
    int dim = embedder.dim();
    long rowBytes = (long) dim * Float.BYTES;
    embedder.embed(
        members,
        languages.get(batch[0]),
        rows -> {
          long from = 0;
          for (int i : batch) {
            int tokens = sequences.get(i).kept().length;
            long kept = firstRows[i + 1] - firstRows[i];
            MemorySegment own = rows.asSlice(from, tokens * rowBytes);
            MemorySegment to = all.asSlice(firstRows[i] * rowBytes, kept * rowBytes);
            if (kept == tokens) {
              to.copyFrom(own);
            } else {
              pooling.pool(own, tokens, dim, to);
            }
            from += tokens * rowBytes;
          }
        });
  }
}
