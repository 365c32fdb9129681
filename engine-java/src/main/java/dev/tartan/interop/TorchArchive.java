package dev.tartan.interop;

import dev.tartan.checkpoint.ElementType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes what {@code torch.load} reads: a ZIP archive that compresses nothing, with a pickle of one
 * tensor or a tuple of them and an entry a storage. Tensors are streamed, twice: an archive has the
 * checksum before the bytes.
 */
final class TorchArchive {
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);
  private static final int LOCAL_HEADER = 30;
  private static final int EXTRA_HEADER = 4;

  /** Where the bytes of entries begin, as PyTorch has it. */
  private static final int ALIGNMENT = 64;

  /** Mark of the extra field that is there for alignment only, as PyTorch has it. */
  private static final byte[] PADDING = {'F', 'B'};

  private static final int BLOCK = 1 << 16;

  /**
   * A tensor in row-major order.
   *
   * @param bytes gives its bytes in their order, a piece at a time, each time it is called
   */
  record Tensor(ElementType type, long[] shape, Consumer<Consumer<MemorySegment>> bytes) {
    /** A tensor that lies in memory. */
    static Tensor of(ElementType type, MemorySegment bytes, long... shape) {
      return new Tensor(type, shape, sink -> sink.accept(bytes));
    }

    private long elements() {
      long n = 1;
      for (long extent : shape) {
        n *= extent;
      }
      return n;
    }
  }

  private final String folder;
  private final Counting counting;
  private final ZipOutputStream zip;

  private TorchArchive(String folder, OutputStream out) {
    this.folder = folder;
    this.counting = new Counting(out);
    this.zip = new ZipOutputStream(counting);
    zip.setMethod(ZipOutputStream.STORED);
  }

  /**
   * Creates {@code file} with one tensor, or a tuple of several.
   *
   * @throws TartanException if it cannot be written
   */
  static void write(Path file, Tensor... tensors) {
    String name = String.valueOf(file.getFileName());
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), BLOCK)) {
      TorchArchive archive = new TorchArchive(name.substring(0, name.lastIndexOf('.')), out);
      archive.add("data.pkl", pickle(List.of(tensors)));
      archive.add("byteorder", "little".getBytes(StandardCharsets.US_ASCII));
      for (int i = 0; i < tensors.length; i++) {
        archive.add("data/" + i, tensors[i].bytes);
      }
      archive.add("version", "3\n".getBytes(StandardCharsets.US_ASCII));
      archive.zip.finish();
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }

  private void add(String name, byte[] bytes) throws IOException {
    add(name, sink -> sink.accept(MemorySegment.ofArray(bytes)));
  }

  private void add(String name, Consumer<Consumer<MemorySegment>> bytes) throws IOException {
    CRC32 crc = new CRC32();
    long[] size = {0};
    byte[] block = new byte[BLOCK];
    bytes.accept(
        piece -> {
          size[0] += piece.byteSize();
          for (long i = 0; i < piece.byteSize(); i += BLOCK) {
            crc.update(block, 0, copy(piece, i, block));
          }
        });
    ZipEntry entry = new ZipEntry(folder + "/" + name);
    entry.setTimeLocal(TIME);
    entry.setSize(size[0]);
    entry.setCompressedSize(size[0]);
    entry.setCrc(crc.getValue());
    long unpadded = counting.written + LOCAL_HEADER + entry.getName().length() + EXTRA_HEADER;
    int padding = Math.floorMod(-unpadded, ALIGNMENT);
    byte[] extra = new byte[EXTRA_HEADER + padding];
    System.arraycopy(PADDING, 0, extra, 0, PADDING.length);
    extra[2] = (byte) padding;
    entry.setExtra(extra);
    zip.putNextEntry(entry);
    IOException[] failed = {null};
    bytes.accept(
        piece -> {
          try {
            for (long i = 0; failed[0] == null && i < piece.byteSize(); i += BLOCK) {
              zip.write(block, 0, copy(piece, i, block));
            }
          } catch (IOException e) {
            failed[0] = e;
          }
        });
    if (failed[0] != null) {
      throw failed[0];
    }
    zip.closeEntry();
  }

  private static int copy(MemorySegment piece, long from, byte[] block) {
    int n = (int) Math.min(BLOCK, piece.byteSize() - from);
    MemorySegment.copy(piece, Layouts.U8, from, block, 0, n);
    return n;
  }

  private static byte[] pickle(List<Tensor> tensors) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x80, 2}); // protocol
    if (tensors.size() > 1) {
      out.write('(');
    }
    for (int i = 0; i < tensors.size(); i++) {
      pickle(tensors.get(i), i, out);
    }
    if (tensors.size() > 1) {
      out.write('t');
    }
    out.write('.');
    return out.toByteArray();
  }

  /** {@code _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)}. */
  private static void pickle(Tensor tensor, int key, ByteArrayOutputStream out) {
    ascii("ctorch._utils\n_rebuild_tensor_v2\n((", out);
    text("storage", out);
    ascii("ctorch\n" + storage(tensor.type) + "\n", out);
    text(Integer.toString(key), out);
    text("cpu", out);
    integer(tensor.elements(), out);
    ascii("tQ", out);
    integer(0, out);
    out.write('(');
    for (long extent : tensor.shape) {
      integer(extent, out);
    }
    ascii("t(", out);
    for (int i = 1; i <= tensor.shape.length; i++) {
      long stride = 1;
      for (int j = i; j < tensor.shape.length; j++) {
        stride *= tensor.shape[j];
      }
      integer(stride, out);
    }
    out.write('t');
    out.write(0x89); // false
    ascii("ccollections\nOrderedDict\n)RtR", out);
  }

  private static String storage(ElementType type) {
    return switch (type) {
      case F32 -> "FloatStorage";
      case F16 -> "HalfStorage";
      case I64 -> "LongStorage";
      case I32 -> "IntStorage";
      case U8 -> "ByteStorage";
      default -> throw new IllegalArgumentException(type + " is not written");
    };
  }

  private static void text(String value, ByteArrayOutputStream out) {
    out.write('X');
    littleEndian(value.length(), Integer.BYTES, out);
    ascii(value, out);
  }

  private static void integer(long value, ByteArrayOutputStream out) {
    if (value <= Integer.MAX_VALUE) {
      out.write('J');
      littleEndian(value, Integer.BYTES, out);
    } else {
      out.writeBytes(new byte[] {(byte) 0x8a, Long.BYTES});
      littleEndian(value, Long.BYTES, out);
    }
  }

  private static void littleEndian(long value, int bytes, ByteArrayOutputStream out) {
    for (int i = 0; i < bytes; i++) {
      out.write((int) (value >> (8 * i)));
    }
  }

  private static void ascii(String value, ByteArrayOutputStream out) {
    out.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
  }

  /** Knows where the next byte will be. */
  private static final class Counting extends FilterOutputStream {
    private long written;

    Counting(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int value) throws IOException {
      out.write(value);
      written++;
    }

    @Override
    public void write(byte[] values, int from, int count) throws IOException {
      out.write(values, from, count);
      written += count;
    }
  }
}
