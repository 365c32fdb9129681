package dev.tartan.memory;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A NumPy array file (NPY format 1.0 to 3.0), read by ranges of rows. Reads through the file
 * channel and never maps, so that a long pass over a large file does not count as memory of the
 * process.
 *
 * <p>Safe for use by several threads.
 */
public final class NpyFile implements Closeable {
  private static final Pattern DESCR = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
  private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([^)]*)\\)");

  private static final Pattern EXTENT = Pattern.compile("\\d{1,18}");

  private final Path path;
  private final FileChannel channel;
  private final DType dtype;
  private final long[] shape;
  private final long dataOffset;

  private NpyFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    ByteBuffer start = read(0, (int) Math.min(channel.size(), 1 << 16));
    if (start.remaining() < 10 || start.getLong(0) << 16 != 0x59504D554E930000L) {
      throw bad("is not a NumPy file (no NPY magic at its start)");
    }
    int major = start.get(6);
    int length = major == 1 ? Short.toUnsignedInt(start.getShort(8)) : start.getInt(8);
    int headerOffset = major == 1 ? 10 : 12;
    if (major < 1 || major > 3 || length < 0 || headerOffset + length > start.remaining()) {
      throw bad("has a damaged NPY header");
    }
    byte[] text = new byte[length];
    start.get(headerOffset, text);
    String header = new String(text, StandardCharsets.UTF_8);
    this.dataOffset = headerOffset + (long) length;
    this.dtype = dtype(group(DESCR, header));
    if (group(ORDER, header).equals("True")) {
      throw bad("is in Fortran order; save it with numpy.ascontiguousarray");
    }
    this.shape = shape(group(SHAPE, header));
    long expected = dataOffset + dataBytes();
    if (channel.size() < expected) {
      throw bad(
          "is truncated: shape %s needs %d bytes, the file has %d"
              .formatted(Arrays.toString(shape), expected, channel.size()));
    }
  }

  /**
   * Opens {@code path} and reads its header.
   *
   * @throws TartanException if it is missing, no NPY file, truncated, of another element type than
   *     float16, float32, int32, int64, uint16 or uint8, or not in C order
   */
  public static NpyFile open(Path path) {
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      try {
        return new NpyFile(path, channel);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  public Path path() {
    return path;
  }

  public DType dtype() {
    return dtype;
  }

  /** The extents; empty for a scalar. */
  public long[] shape() {
    return shape.clone();
  }

  /**
   * Requires {@code dimensions} extents and one of {@code types}.
   *
   * @throws TartanException that names the file, what it has and what is wanted
   */
  public NpyFile expect(String what, int dimensions, DType... types) {
    if (shape.length != dimensions || !List.of(types).contains(dtype)) {
      throw bad(
          "holds %s of shape %s; %s needs %d dimension%s of %s"
              .formatted(
                  dtype,
                  Arrays.toString(shape),
                  what,
                  dimensions,
                  dimensions == 1 ? "" : "s",
                  String.join(" or ", Arrays.stream(types).map(DType::name).toList())));
    }
    return this;
  }

  /**
   * Values {@code [first, first + count)} of the flattened array as float32 into {@code target}.
   */
  public void readFloats(long first, long count, MemorySegment target) {
    int step = 1 << 16;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate((long) step * dtype.bytes());
      for (long done = 0; done < count; done += step) {
        long n = Math.min(step, count - done);
        MemorySegment from = bytes.asSlice(0, n * dtype.bytes());
        MemorySegment to = target.asSlice(done * Float.BYTES, n * Float.BYTES);
        fill(dataOffset + (first + done) * dtype.bytes(), from);
        switch (dtype) {
          case F32 -> MemorySegment.copy(from, 0, to, 0, n * Float.BYTES);
          case F16 -> Layouts.halfToFloat(from, to, n);
          default -> throw bad("holds " + dtype + ", not float16 or float32");
        }
      }
    }
  }

  /**
   * The stored bytes of rows {@code [first, first + count)} into the start of {@code target}. A row
   * is everything that one index of the first extent names.
   *
   * @throws TartanException if the file has no such rows
   */
  public void readRows(long first, long count, MemorySegment target) {
    if (shape.length == 0 || first < 0 || count < 0 || first > shape[0] - count) {
      throw bad("has no rows %d to %d".formatted(first, first + count));
    }
    long rowBytes = shape[0] == 0 ? 0 : dataBytes() / shape[0];
    int step = 1 << 26;
    for (long done = 0; done < count * rowBytes; done += step) {
      long n = Math.min(step, count * rowBytes - done);
      fill(dataOffset + first * rowBytes + done, target.asSlice(done, n));
    }
  }

  /** The whole array as integers, flattened. */
  public long[] readLongs() {
    int n = Math.toIntExact(elements());
    long[] values = new long[n];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(1, (long) n * dtype.bytes()));
      fill(dataOffset, bytes.asSlice(0, (long) n * dtype.bytes()));
      for (int i = 0; i < n; i++) {
        values[i] =
            switch (dtype) {
              case I32 -> bytes.getAtIndex(Layouts.I32, i);
              case I64 -> bytes.getAtIndex(Layouts.I64, i);
              case U16 -> Short.toUnsignedLong(bytes.getAtIndex(Layouts.U16, i));
              case U8 -> Byte.toUnsignedLong(bytes.get(Layouts.U8, i));
              default -> throw bad("holds " + dtype + ", not integers");
            };
      }
    }
    return values;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw TartanException.io("cannot close " + path, e);
    }
  }

  private void fill(long position, MemorySegment target) {
    try {
      ByteBuffer buffer = target.asByteBuffer();
      while (buffer.hasRemaining()) {
        int n = channel.read(buffer, position + buffer.position());
        if (n < 0) {
          throw bad("ended while it was read");
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  private ByteBuffer read(long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining() && channel.read(buffer, position + buffer.position()) >= 0) {}
    return buffer.flip();
  }

  private long elements() {
    long n = 1;
    for (long extent : shape) {
      n *= extent;
    }
    return n;
  }

  private long dataBytes() {
    try {
      long bytes = dtype.bytes();
      for (long extent : shape) {
        bytes = Math.multiplyExact(bytes, extent);
      }
      return Math.addExact(bytes, dataOffset) - dataOffset;
    } catch (ArithmeticException e) {
      throw bad("is damaged: no file holds shape " + Arrays.toString(shape));
    }
  }

  private DType dtype(String descr) {
    return switch (descr) {
      case "<f4", "=f4" -> DType.F32;
      case "<f2", "=f2" -> DType.F16;
      case "<i4", "=i4" -> DType.I32;
      case "<i8", "=i8" -> DType.I64;
      case "<u2", "=u2" -> DType.U16;
      case "|u1", "<u1" -> DType.U8;
      default ->
          throw bad(
              "holds elements of type '%s'; float16, float32, int32 and int64 (little-endian) are read"
                  .formatted(descr));
    };
  }

  private long[] shape(String text) {
    List<Long> extents = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      if (!part.isBlank()) {
        if (!EXTENT.matcher(part.strip()).matches()) {
          throw bad("has a damaged NPY header");
        }
        extents.add(Long.parseLong(part.strip()));
      }
    }
    return extents.stream().mapToLong(Long::longValue).toArray();
  }

  private String group(Pattern pattern, String header) {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw bad("has a damaged NPY header");
    }
    return matcher.group(1);
  }

  private TartanException bad(String what) {
    return new TartanException(path + " " + what);
  }
}
