package dev.tartan.jmh.scale;

import dev.tartan.indexing.PassageSource;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Passages in memory.
 *
 * @param rows [tokens, dim], unit length
 * @param offsets [passages + 1], the first token of each
 */
record Passages(String name, int dim, float[] rows, int[] offsets) implements PassageSource {
  /**
   * Up to {@code count} passages of {@code source}, evenly spaced; those without tokens are not.
   */
  static Passages of(PassageSource source, int count) {
    List<Long> firsts = new ArrayList<>();
    List<Integer> doclens = new ArrayList<>();
    double step = Math.max(1, (double) source.passages() / count);
    long first = 0;
    for (int p = 0; p < source.passages(); p++) {
      if (source.doclen(p) > 0 && (p == 0 || (int) (p / step) > (int) ((p - 1) / step))) {
        firsts.add(first);
        doclens.add(source.doclen(p));
      }
      first += source.doclen(p);
    }
    int[] offsets = new int[doclens.size() + 1];
    for (int p = 0; p < doclens.size(); p++) {
      offsets[p + 1] = offsets[p] + doclens.get(p);
    }
    int dim = source.dim();
    float[] rows = new float[Math.multiplyExact(offsets[doclens.size()], dim)];
    for (int p = 0; p < doclens.size(); p++) {
      try (Arena arena = Arena.ofConfined()) {
        Matrix passage = Matrix.allocate(arena, doclens.get(p), dim);
        source.read(firsts.get(p), passage);
        passage.normalizeRows(source.name(), firsts.get(p));
        MemorySegment.copy(
            passage.data(), Layouts.F32, 0, rows, offsets[p] * dim, doclens.get(p) * dim);
      }
    }
    return new Passages(source.name(), dim, rows, offsets);
  }

  @Override
  public int passages() {
    return offsets.length - 1;
  }

  @Override
  public int doclen(int passage) {
    return offsets[passage + 1] - offsets[passage];
  }

  @Override
  public long tokens() {
    return offsets[passages()];
  }

  @Override
  public void read(long first, Matrix target) {
    int values = Math.toIntExact(target.rows() * dim);
    MemorySegment.copy(rows, (int) first * dim, target.data(), Layouts.F32, 0, values);
  }
}
