package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Builds the inverted lists of a segment from its codes and doclens in two passes over the mapped
 * files: count, then fill. Memory is two numbers a centroid.
 */
final class InvertedLists {
  private final Path directory;
  private final String name;
  private final ResidualCodec codec;

  InvertedLists(Path directory, String name, ResidualCodec codec) {
    this.directory = directory;
    this.name = name;
    this.codec = codec;
  }

  void build() {
    int centroids = Math.toIntExact(codec.centroids().rows());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment doclens =
          ArrayFile.open(path(Component.DOCLENS), Component.DOCLENS, arena).data();
      MemorySegment codes = ArrayFile.open(path(Component.CODES), Component.CODES, arena).data();
      int[] lengths = new int[centroids];
      visit(doclens, codes, (code, passage) -> lengths[code]++);
      long[] next = new long[centroids];
      long total = 0;
      try (ArrayFileWriter out =
          new ArrayFileWriter(path(Component.LIST_LENGTHS), Component.LIST_LENGTHS, DType.I32, 1)) {
        for (int c = 0; c < centroids; c++) {
          out.writeInt(lengths[c]);
          next[c] = total;
          total += lengths[c];
        }
        out.finish();
      }
      try (ArrayFileWriter out =
          new ArrayFileWriter(path(Component.LISTS), Component.LISTS, DType.I32, 1)) {
        MemorySegment lists = out.mapForFilling(total, arena);
        visit(
            doclens,
            codes,
            (code, passage) -> lists.setAtIndex(Layouts.I32, next[code]++, passage));
        out.finishFilled(lists);
      }
    }
  }

  private interface Visitor {
    void accept(int code, int passage);
  }

  /** Every distinct code of every passage, passages ascending. */
  private void visit(MemorySegment doclens, MemorySegment codes, Visitor visitor) {
    boolean wide = codec.codeType() == DType.I32;
    int[] lastPassage = new int[(int) codec.centroids().rows()];
    Arrays.fill(lastPassage, -1);
    long token = 0;
    int passages = (int) (doclens.byteSize() / Integer.BYTES);
    for (int p = 0; p < passages; p++) {
      long end = token + doclens.getAtIndex(Layouts.I32, p);
      for (; token < end; token++) {
        int code =
            wide
                ? codes.getAtIndex(Layouts.I32, token)
                : Short.toUnsignedInt(codes.getAtIndex(Layouts.U16, token));
        if (lastPassage[code] != p) {
          lastPassage[code] = p;
          visitor.accept(code, p);
        }
      }
    }
  }

  private Path path(Component component) {
    return directory.resolve(name + "." + component.extension());
  }
}
