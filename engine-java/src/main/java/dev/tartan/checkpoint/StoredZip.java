package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The entries of a ZIP archive that compresses nothing, as slices of the archive's memory; ZIP64
 * included. {@code java.util.zip} would copy every tensor through the heap.
 */
final class StoredZip {
  /**
   * One entry.
   *
   * @param crc CRC-32 that the archive has of the bytes
   */
  record Entry(MemorySegment bytes, int crc) {}

  private static final int END = 0x06054b50;
  private static final int END64 = 0x06064b50;
  private static final int LOCATOR64 = 0x07064b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int LOCAL = 0x04034b50;
  private static final int END_SIZE = 22;
  private static final int MAX_COMMENT = 65535;
  private static final long IN_ZIP64 = 0xffffffffL;

  private final String source;
  private final MemorySegment file;

  private StoredZip(String source, MemorySegment file) {
    this.source = source;
    this.file = file;
  }

  /**
   * The entries by name.
   *
   * @throws TartanException if the archive is truncated, damaged or compressed
   */
  static Map<String, Entry> entries(String source, MemorySegment file) {
    try {
      return new StoredZip(source, file).read();
    } catch (IndexOutOfBoundsException e) {
      throw new TartanException(source + " is damaged: an entry lies outside the file", e);
    }
  }

  private Map<String, Entry> read() {
    long end = findEnd();
    long count = u16(end + 10);
    long position = u32(end + 16);
    if (end >= 20 && u32(end - 20) == LOCATOR64) {
      long end64 = file.get(Layouts.I64, end - 20 + 8);
      if (u32(end64) == END64) {
        count = file.get(Layouts.I64, end64 + 32);
        position = file.get(Layouts.I64, end64 + 48);
      }
    }
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (long i = 0; i < count; i++) {
      if (u32(position) != CENTRAL) {
        throw new TartanException(source + " is damaged: its list of entries is broken");
      }
      int nameLength = u16(position + 28);
      int extraLength = u16(position + 30);
      String name =
          new String(
              file.asSlice(position + 46, nameLength).toArray(ValueLayout.JAVA_BYTE),
              StandardCharsets.UTF_8);
      entries.put(name, entry(name, position, position + 46 + nameLength, extraLength));
      position += 46 + nameLength + extraLength + u16(position + 32);
    }
    return entries;
  }

  private long findEnd() {
    long first = Math.max(0, file.byteSize() - END_SIZE - MAX_COMMENT);
    for (long p = file.byteSize() - END_SIZE; p >= first; p--) {
      if (u32(p) == END) {
        return p;
      }
    }
    throw new TartanException(source + " is truncated: the end of its ZIP archive is missing");
  }

  private Entry entry(String name, long central, long extra, int extraLength) {
    if (u16(central + 10) != 0) {
      throw new TartanException(
          "%s: entry '%s' is compressed; save the checkpoint with torch.save again"
              .formatted(source, name));
    }
    long size = u32(central + 24);
    long offset = u32(central + 42);
    // In ZIP64 the fields that overflow follow in the extra field 1, in this order.
    for (long p = extra; p + 4 <= extra + extraLength; p += 4 + u16(p + 2)) {
      if (u16(p) == 1) {
        long q = p + 4;
        if (size == IN_ZIP64) {
          size = file.get(Layouts.I64, q);
          q += 8;
        }
        if (u32(central + 20) == IN_ZIP64) {
          q += 8;
        }
        if (offset == IN_ZIP64) {
          offset = file.get(Layouts.I64, q);
        }
      }
    }
    if (u32(offset) != LOCAL) {
      throw new TartanException("%s is damaged at entry '%s'".formatted(source, name));
    }
    // The local header's extra field may differ from the central one: PyTorch pads there.
    MemorySegment bytes = file.asSlice(offset + 30 + u16(offset + 26) + u16(offset + 28), size);
    return new Entry(bytes, file.get(Layouts.I32, central + 16));
  }

  private int u16(long position) {
    return Short.toUnsignedInt(file.get(Layouts.U16, position));
  }

  private long u32(long position) {
    return Integer.toUnsignedLong(file.get(Layouts.I32, position));
  }
}
