package dev.tartan.segment;

import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * The documents of a segment by the hash of their ids, so that an id is found by halving: a few
 * microseconds, and nothing to be read when an index is opened. Writing takes 8 bytes of memory a
 * document.
 */
final class IdOrder {
  private IdOrder() {}

  /** The hash of an id, 0 to 2^32 - 1. */
  static long hash(ByteBuffer id) {
    CRC32C crc = new CRC32C();
    crc.update(id);
    return crc.getValue();
  }

  /** Writes the order of the ids that a segment's files hold. */
  static void write(Path directory, String name) {
    try (Arena arena = Arena.ofShared();
        ArrayFileWriter out =
            new ArrayFileWriter(
                path(directory, name, Component.ID_ORDER), Component.ID_ORDER, DType.I32, 1)) {
      MemorySegment offsets = map(directory, name, Component.ID_OFFSETS, arena);
      for (int document : sorted(offsets, map(directory, name, Component.IDS, arena))) {
        out.writeInt(document);
      }
      out.finish();
    }
  }

  /** The same in memory, for a segment of an earlier build. */
  static MemorySegment of(MemorySegment offsets, MemorySegment ids) {
    return MemorySegment.ofArray(sorted(offsets, ids));
  }

  private static int[] sorted(MemorySegment offsets, MemorySegment ids) {
    int documents = (int) (offsets.byteSize() / Long.BYTES - 1);
    long[] keys = new long[documents];
    long start = 0;
    for (int d = 0; d < documents; d++) {
      long end = offsets.getAtIndex(Layouts.I64, d + 1);
      long hash = hash(ids.asSlice(start, end - start).asByteBuffer());
      keys[d] = (hash ^ 1L << 31) << 32 | d; // the signed order of the keys is that of the hashes
      start = end;
    }
    Arrays.sort(keys);
    int[] order = new int[documents];
    for (int i = 0; i < documents; i++) {
      order[i] = (int) keys[i];
    }
    return order;
  }

  /** The document of {@code segment} with the id, whether it lives or not; -1 if there is none. */
  static int find(Segment segment, MemorySegment order, String id) {
    byte[] bytes = id.getBytes(StandardCharsets.UTF_8);
    long wanted = hash(ByteBuffer.wrap(bytes));
    int low = 0;
    int high = (int) (order.byteSize() / Integer.BYTES);
    int end = high;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (hash(segment.idBuffer(order.getAtIndex(Layouts.I32, middle))) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    ByteBuffer sought = ByteBuffer.wrap(bytes);
    for (; low < end; low++) {
      int document = order.getAtIndex(Layouts.I32, low);
      ByteBuffer found = segment.idBuffer(document);
      if (found.equals(sought)) {
        return document;
      }
      if (hash(found) != wanted) {
        return -1;
      }
    }
    return -1;
  }

  private static MemorySegment map(Path directory, String name, Component part, Arena arena) {
    return ArrayFile.open(path(directory, name, part), part, arena).data();
  }

  private static Path path(Path directory, String name, Component component) {
    return directory.resolve(name + "." + component.extension());
  }
}
