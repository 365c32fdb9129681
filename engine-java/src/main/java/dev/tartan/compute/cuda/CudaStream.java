package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What the device does for one scope at a time, one thing after another: copies and launches.
 * Nothing waits but {@link #synchronise} and what copies to the host.
 *
 * <p>Small arrays that a launch takes or leaves lie in a table that is in pinned memory and on the
 * device alike, so that all those of one launch cross in one copy. At its start is the status that
 * kernels leave where the data contradicts itself. Rows to be copied pass through pinned memory,
 * {@link #STAGE} at a time.
 *
 * <p>Confined to the thread of its scope.
 */
final class CudaStream {
  private static final int NON_BLOCKING = 1; // CU_STREAM_NON_BLOCKING

  /** Up to here the table is the status. */
  private static final long HEAD = 64;

  private static final int ALIGNMENT = 64;
  private static final long TABLE = 64 << 10;
  private static final long STAGE = 1 << 20;
  private static final int MOST_BLOCKS_Y = 65535;
  private static final int BAD_CODE = 2; // Status in arguments.cuh
  private static final int BAD_PASSAGE = 3;

  private final CudaDevice device;
  private final DeviceMemory memory;
  private final CudaModule module;
  private final Arena arena = Arena.ofShared();
  final CudaArguments arguments = new CudaArguments(arena);
  private final long handle;
  private final PinnedMemory stage;
  private PinnedMemory table;
  private long deviceTable;

  private long end = HEAD; // of the table
  private long sent = HEAD; // so much of the table is on the device
  private long staged;
  private boolean pending; // something was asked for and not waited for
  private boolean answers; // some of it may write to the table
  private int damage; // the status that was found and not told

  /** Addresses and sizes of device memory until the next {@link #synchronise}. */
  private long[] temporaries = new long[32];

  private int temporaryEnd;

  /** Where the table holds what has memory of its own: place, size and address of each. */
  private long[] apart = new long[12];

  private int apartEnd;

  CudaStream(CudaDevice device, DeviceMemory memory, CudaModule module) {
    this.device = device;
    this.memory = memory;
    this.module = module;
    device.enter();
    MemorySegment stream = arena.allocate(JAVA_LONG);
    CudaFunctions.streamCreate(stream, NON_BLOCKING);
    handle = stream.get(JAVA_LONG, 0);
    stage = PinnedMemory.allocate(device, STAGE);
    table = PinnedMemory.allocate(device, TABLE);
    clearTable();
  }

  private void clearTable() {
    table.segment().asSlice(0, HEAD).fill((byte) 0);
    deviceTable = memory.allocate(deviceTableBytes());
    CudaFunctions.memsetD8Async(deviceTable, (byte) 0, Integer.BYTES, handle);
    pending = true;
  }

  private long deviceTableBytes() {
    return memory.pooled() ? table.segment().byteSize() : Integer.BYTES;
  }

  /** Begins to write the arguments of a launch whose small arrays take up to {@code bytes}. */
  CudaArguments begin(long bytes) {
    if (end + bytes > table.segment().byteSize()) {
      synchronise();
    }
    if (end + bytes > table.segment().byteSize()) {
      memory.release(deviceTable, deviceTableBytes());
      table.close();
      table = PinnedMemory.allocate(device, 2 * (HEAD + bytes));
      clearTable();
    }
    return arguments.begin();
  }

  /** Where the status is on the device. */
  long status() {
    answers = true;
    return deviceTable;
  }

  /** The address on the device of the first {@code n} of {@code values}. */
  long put(int[] values, int n) {
    long at = room((long) n * Integer.BYTES);
    MemorySegment.copy(values, 0, table.segment(), JAVA_INT, at, n);
    return address(at);
  }

  /** The address on the device of the first {@code n} of {@code values}. */
  long put(long[] values, int n) {
    long at = room((long) n * Long.BYTES);
    MemorySegment.copy(values, 0, table.segment(), JAVA_LONG, at, n);
    return address(at);
  }

  /** A place in the table of {@code bytes}, zero, that kernels may write to. */
  long output(long bytes) {
    long at = room(bytes);
    table.segment().asSlice(at, bytes).fill((byte) 0);
    answers = true;
    return at;
  }

  private long room(long bytes) {
    long at = end;
    end += aligned(Math.max(1, bytes)); // each has a place of its own
    if (!memory.pooled()) {
      if (apartEnd == apart.length) {
        apart = Arrays.copyOf(apart, 2 * apartEnd);
      }
      apart[apartEnd++] = at;
      apart[apartEnd++] = bytes;
      apart[apartEnd++] = temporary(bytes);
    }
    return at;
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** The address on the device of a place in the table. */
  long address(long at) {
    if (memory.pooled()) {
      return deviceTable + at;
    }
    int entry = 0;
    while (apart[entry] != at) {
      entry += 3;
    }
    return apart[entry + 2];
  }

  /** What stands at a place of the table; after {@link #synchronise} what kernels left there. */
  long longAt(long at, int index) {
    return table.segment().get(JAVA_LONG, at + (long) index * Long.BYTES);
  }

  /** The same for an int. */
  int intAt(long at) {
    return table.segment().get(JAVA_INT, at);
  }

  /** Memory of undefined content for what is asked for before the next {@link #synchronise}. */
  long temporary(long bytes) {
    long address = memory.allocate(bytes);
    if (temporaryEnd == temporaries.length) {
      temporaries = Arrays.copyOf(temporaries, 2 * temporaryEnd);
    }
    temporaries[temporaryEnd++] = address;
    temporaries[temporaryEnd++] = bytes;
    return address;
  }

  /** Fills {@code addresses} with those of temporary arrays of so many bytes, all zero. */
  void zeroed(long[] bytes, long[] addresses) {
    long sum = 0;
    for (int i = 0; i < bytes.length; i++) {
      long rounded = aligned(bytes[i]);
      if (memory.pooled()) {
        addresses[i] = sum;
      } else {
        addresses[i] = temporary(bytes[i]);
        zero(addresses[i], bytes[i]);
      }
      sum += rounded;
    }
    if (memory.pooled()) {
      long first = temporary(sum);
      zero(first, sum);
      for (int i = 0; i < bytes.length; i++) {
        addresses[i] += first;
      }
    }
  }

  private void zero(long address, long bytes) {
    if (bytes > 0) {
      device.enter();
      CudaFunctions.memsetD8Async(address, (byte) 0, bytes, handle);
      pending = true;
    }
  }

  /**
   * Launches a kernel on the arguments written last, unless it has nothing to do.
   *
   * @param blocks in x
   * @param rows blocks in y
   */
  void launch(Kernel kernel, long blocks, int rows, int sharedBytes) {
    arguments.check(kernel);
    if (blocks == 0 || rows == 0) {
      return;
    }
    if (rows > MOST_BLOCKS_Y) {
      throw new IllegalArgumentException(rows + " queries at once; at most " + MOST_BLOCKS_Y);
    }
    long function = module.function(kernel, sharedBytes);
    device.enter();
    sendTable();
    CudaFunctions.launchKernel(
        function,
        Math.toIntExact(blocks),
        rows,
        kernel.threads,
        sharedBytes,
        handle,
        arguments.parameters);
    pending = true;
  }

  private void sendTable() {
    if (memory.pooled()) {
      if (end > sent) {
        MemorySegment from = table.segment().asSlice(sent, end - sent);
        CudaFunctions.memcpyHtoDAsync(deviceTable + sent, from, end - sent, handle);
      }
    } else {
      for (int i = 0; i < apartEnd; i += 3) {
        if (apart[i] >= sent && apart[i + 1] > 0) {
          MemorySegment from = table.segment().asSlice(apart[i], apart[i + 1]);
          CudaFunctions.memcpyHtoDAsync(apart[i + 2], from, apart[i + 1], handle);
        }
      }
    }
    sent = end;
  }

  private void fetchTable() {
    if (memory.pooled()) {
      CudaFunctions.memcpyDtoHAsync(table.segment(), deviceTable, sent, handle);
      return;
    }
    CudaFunctions.memcpyDtoHAsync(table.segment(), deviceTable, Integer.BYTES, handle);
    for (int i = 0; i < apartEnd; i += 3) {
      if (apart[i] < sent && apart[i + 1] > 0) {
        MemorySegment to = table.segment().asSlice(apart[i], apart[i + 1]);
        CudaFunctions.memcpyDtoHAsync(to, apart[i + 2], apart[i + 1], handle);
      }
    }
  }

  /**
   * Waits until all that was asked for is done.
   *
   * @throws TartanException if some of it met data that contradicts itself
   */
  void synchronise() {
    await();
    if (damage != 0) {
      int status = damage;
      damage = 0;
      throw new TartanException(
          switch (status) {
            case BAD_CODE -> "damaged index: a token has a code that no centroid has";
            case BAD_PASSAGE -> "damaged index: an inverted list names a passage that is not there";
            default -> "the CUDA kernels failed with status " + status + "; report this";
          });
    }
  }

  /** Waits; damage is told by the next {@link #synchronise}. */
  void await() {
    if (pending) {
      device.enter();
      if (answers) {
        fetchTable();
      }
      CudaFunctions.streamSynchronize(handle);
    }
    pending = false;
    answers = false;
    staged = 0;
    end = HEAD;
    sent = HEAD;
    apartEnd = 0;
    for (int i = 0; i < temporaryEnd; i += 2) {
      memory.release(temporaries[i], temporaries[i + 1]);
    }
    temporaryEnd = 0;
    int status = intAt(0);
    if (status != 0) {
      damage = status;
      table.segment().set(JAVA_INT, 0, 0);
      device.enter();
      CudaFunctions.memsetD8Async(deviceTable, (byte) 0, Integer.BYTES, handle);
      pending = true;
    }
  }

  /** Makes ready for another scope. */
  void reset() {
    damage = 0;
  }

  /** Whether something was asked for that may not be done yet. */
  boolean pending() {
    return pending;
  }

  /** Copies pinned memory to the device. It must not change before the next {@link #await}. */
  void uploadPinned(MemorySegment source, long address) {
    device.enter();
    pending = true;
    CudaFunctions.memcpyHtoDAsync(address, source, source.byteSize(), handle);
  }

  /** Copies {@code source} to the device. It may change when this returns. */
  void upload(MemorySegment source, long address) {
    if (source.isNative() && source.byteSize() > STAGE) {
      device.enter();
      pending = true;
      CudaFunctions.memcpyHtoDAsync(address, source, source.byteSize(), handle);
      synchronise(); // the driver reads pageable memory while it copies
      return;
    }
    for (long at = 0; at < source.byteSize(); at += STAGE) {
      long bytes = Math.min(STAGE, source.byteSize() - at);
      if (staged + bytes > STAGE) {
        synchronise();
      }
      MemorySegment part = stage.segment().asSlice(staged, bytes);
      part.copyFrom(source.asSlice(at, bytes));
      staged += aligned(bytes);
      device.enter();
      CudaFunctions.memcpyHtoDAsync(address + at, part, bytes, handle);
      pending = true;
    }
  }

  /** Fills {@code target} from the device, when all that was asked for before is done. */
  void download(long address, MemorySegment target) {
    if (target.isNative() && target.byteSize() > STAGE) {
      device.enter();
      pending = true;
      CudaFunctions.memcpyDtoHAsync(target, address, target.byteSize(), handle);
      synchronise();
      return;
    }
    for (long at = 0; at < target.byteSize(); at += STAGE) {
      long bytes = Math.min(STAGE, target.byteSize() - at);
      if (staged + bytes > STAGE) {
        synchronise();
      }
      MemorySegment part = stage.segment().asSlice(staged, bytes);
      device.enter();
      pending = true;
      CudaFunctions.memcpyDtoHAsync(part, address + at, bytes, handle);
      synchronise();
      target.asSlice(at, bytes).copyFrom(part);
    }
  }

  /** Returns what this has, when all that was asked for is done. */
  void close() {
    device.enter();
    CudaFunctions.streamDestroy(handle);
    memory.release(deviceTable, deviceTableBytes());
    table.close();
    stage.close();
    arena.close();
  }
}
