package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Device memory and the stream that works on it. Work of other scopes may read this one's buffers:
 * tables that live as long as an index, or scratch. It finds them complete, since it waits for this
 * scope's stream if that is not done, and finds them still there, since closing waits for the last
 * reader; or for the whole device, if there were several.
 */
final class CudaScope implements Scope {
  private static final Object NONE = "none";
  private static final Object SEVERAL = "several";

  private final CudaBackend backend;
  private final DeviceMemory memory;
  private final CudaStream stream;
  private final CudaCall call;
  private final AtomicReference<Object> readers = new AtomicReference<>(NONE);
  private long[] blocks = new long[16]; // address and size of each
  private int blockEnd;
  private @Nullable PassageFeed feed;
  private boolean closed;

  CudaScope(CudaBackend backend, DeviceMemory memory, CudaStream stream) {
    this.backend = backend;
    this.memory = memory;
    this.stream = stream;
    this.call = new CudaCall(this, stream);
  }

  CudaBackend backend() {
    return backend;
  }

  CudaStream stream() {
    requireOpen();
    return stream;
  }

  /** Begins to write the arguments of a launch for so many queries. */
  CudaCall call(int queries) {
    requireOpen();
    return call.begin(queries);
  }

  @Override
  public Buffer allocate(DType dtype, long rows, int columns) {
    requireOpen();
    long bytes = Math.multiplyExact(Math.multiplyExact(rows, (long) columns), dtype.bytes());
    return new CudaBuffer(this, dtype, rows, columns, block(bytes), null);
  }

  @Override
  public Buffer wrap(DType dtype, int columns, MemorySegment segment) {
    requireOpen();
    long rowBytes = (long) columns * dtype.bytes();
    if (segment.byteSize() % rowBytes != 0) {
      throw new IllegalArgumentException(
          "%d bytes are no whole rows of %d".formatted(segment.byteSize(), rowBytes));
    }
    long rows = segment.byteSize() / rowBytes;
    CudaBuffer buffer = new CudaBuffer(this, dtype, rows, columns, 0, segment);
    if (dtype != DType.U8 && dtype != DType.F16) {
      return bring(buffer);
    }
    // residuals and embeddings, of which a search reads few rows: they may stay where they are
    long address = memory.tryAllocateForTokens(segment.byteSize());
    if (address == 0 && segment.byteSize() > 0) {
      backend.tellOfStreaming(segment.byteSize());
      return buffer;
    }
    return filled(buffer, keep(address, segment.byteSize()));
  }

  /** A copy on the device of what {@code buffer} was wrapped from. */
  CudaBuffer bring(CudaBuffer buffer) {
    requireOpen();
    return filled(buffer, block(buffer.bytes()));
  }

  private CudaBuffer filled(CudaBuffer buffer, long address) {
    MemorySegment host = buffer.wrapped();
    stream.upload(host, address);
    stream.synchronise(); // from here on other threads may read it
    return new CudaBuffer(this, buffer.dtype(), buffer.rows(), buffer.columns(), address, host);
  }

  /** Brings passages of which some is on the host alone. */
  PassageFeed feed() {
    requireOpen();
    if (feed == null) {
      feed = new PassageFeed(this, memory, stream);
    }
    return feed;
  }

  private long block(long bytes) {
    return keep(memory.allocate(bytes), bytes);
  }

  /** Sees to it that a block goes back when this closes. */
  private long keep(long address, long bytes) {
    if (blockEnd == blocks.length) {
      blocks = Arrays.copyOf(blocks, 2 * blockEnd);
    }
    blocks[blockEnd++] = address;
    blocks[blockEnd++] = bytes;
    return address;
  }

  void upload(MemorySegment source, long address) {
    stream().upload(source, address);
  }

  void download(long address, MemorySegment target) {
    stream().download(address, target);
  }

  /** Announces that {@code reader} is about to ask for work on this scope's buffers. */
  void readBy(CudaScope reader) {
    requireOpen();
    if (reader == this) {
      return;
    }
    if (stream.pending()) {
      stream.synchronise();
    }
    Object last = readers.get();
    if (last != reader && last != SEVERAL && !readers.compareAndSet(NONE, reader)) {
      readers.set(SEVERAL);
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the scope is closed");
    }
  }

  /** What damage the work still under way finds, nobody has asked for: it is not told. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    boolean sound = finished(stream) && readersFinished();
    if (sound) {
      if (feed != null) {
        feed.close();
      }
      for (int i = 0; i < blockEnd; i += 2) {
        memory.release(blocks[i], blocks[i + 1]);
      }
    }
    backend.giveBack(stream, sound);
  }

  private boolean readersFinished() {
    Object last = readers.get();
    if (last instanceof CudaScope reader) {
      return reader.closed || finished(reader.stream);
    }
    return last != SEVERAL || backend.deviceFinished();
  }

  /** Waits; false if the device has failed, so that nothing of it can be used again. */
  private static boolean finished(CudaStream stream) {
    try {
      stream.await();
      return true;
    } catch (TartanException e) {
      return false; // told where it happened
    }
  }
}
