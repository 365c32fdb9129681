package dev.tartan.compute.cuda;

import dev.tartan.compute.Candidates;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Brings passages to the device to be scored, where their tokens are on the host alone: a part of
 * the candidates of a query at a time, gathered in pinned memory as passages number 0, 1, 2, ...
 * and copied as one block. While the device copies and scores a part, the next is gathered.
 */
final class PassageFeed implements AutoCloseable {
  /** To start with: what is gathered is seldom as much as a part may be. */
  private static final long LEAST_BYTES = 64 << 10;

  private static final int ALIGNMENT = 64;

  private final CudaScope scope;
  private final DeviceMemory memory;
  private final CudaStream stream;
  private final long partBytes;
  private final Slot[] slots = new Slot[2];

  /** Memory of a part: pinned, and as much on the device. */
  private record Slot(PinnedMemory gathered, long block) {}

  /**
   * A part of the candidates of one query, on the device.
   *
   * @param offsets I64 [passages + 1, 1]
   * @param tokens the arrays that were asked for, in their order
   */
  record Part(CudaBuffer offsets, List<CudaBuffer> tokens, Scored scored) {}

  /** What is asked for with a part before the next is brought. */
  interface Step {
    void accept(Part part);
  }

  /** Passages and where their tokens are, in the order of the candidates. */
  private static final class Chosen {
    private final int[] passages;
    private final CudaBuffer offsets;
    private int done;
    private int count;
    private long tokens;

    Chosen(int[] passages, CudaBuffer offsets) {
      this.passages = passages;
      this.offsets = offsets;
    }

    /** Goes on to the next so many that take {@code most} bytes; false if none is left. */
    boolean next(List<CudaBuffer> arrays, long most) {
      done += count;
      count = 0;
      tokens = 0;
      while (done + count < passages.length) {
        long more = last(count) - first(count);
        if (count > 0 && bytes(count + 1, tokens + more, arrays) > most) {
          break;
        }
        tokens += more;
        count++;
      }
      return count > 0;
    }

    long first(int i) {
      return offset(0, i);
    }

    long last(int i) {
      return offset(1, i);
    }

    private long offset(int end, int i) {
      int passage = passages[done + i];
      if (passage < 0 || passage >= offsets.rows() - 1) {
        throw new TartanException(
            "damaged index: an inverted list names a passage that is not there");
      }
      return offsets.wrapped().getAtIndex(Layouts.I64, passage + end);
    }
  }

  PassageFeed(CudaScope scope, DeviceMemory memory, CudaStream stream) {
    this.scope = scope;
    this.memory = memory;
    this.stream = stream;
    this.partBytes = memory.partBytes();
    for (int i = 0; i < slots.length; i++) {
      slots[i] = slot(LEAST_BYTES);
    }
  }

  private Slot slot(long bytes) {
    return new Slot(PinnedMemory.allocate(memory.device(), bytes), memory.allocate(bytes));
  }

  /**
   * Runs {@code step} on all candidates of query {@code q}, some at a time.
   *
   * @param offsets of the passages
   * @param arrays of a row for each token; all of them wrapped
   */
  void each(Candidates candidates, int q, CudaBuffer offsets, List<CudaBuffer> arrays, Step step) {
    int n = Math.toIntExact(candidates.count(q));
    long first = q * candidates.capacity();
    long scores = scope.backend().own(candidates.scores()).slice(first, n).address();
    Chosen chosen = new Chosen(numbers(candidates, first, n), offsets);
    for (int turn = 0; chosen.next(arrays, partBytes); turn = 1 - turn) {
      long bytes = bytes(chosen.count, chosen.tokens, arrays);
      Slot slot = reserve(turn, bytes);
      Part part = gather(chosen, arrays, slot, scores + (long) chosen.done * Float.BYTES);
      stream.synchronise(); // the part before
      stream.uploadPinned(slot.gathered.segment().asSlice(0, bytes), slot.block);
      step.accept(part);
    }
    stream.synchronise();
  }

  private static int[] numbers(Candidates candidates, long first, int n) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate((long) n * Integer.BYTES, Integer.BYTES);
      candidates.passages().copyRowsTo(first, n, copy);
      return copy.toArray(Layouts.I32);
    }
  }

  /** What a part takes: offsets, numbers, and a piece of each array. */
  private static long bytes(int passages, long tokens, List<CudaBuffer> arrays) {
    long bytes = aligned((passages + 1L) * Long.BYTES) + aligned((long) passages * Integer.BYTES);
    for (CudaBuffer array : arrays) {
      bytes += aligned(tokens * rowBytes(array));
    }
    return bytes;
  }

  /** A slot with room for so much, whose last part is done: it was waited for. */
  private Slot reserve(int turn, long bytes) {
    long now = slots[turn].gathered.segment().byteSize();
    if (bytes > now) {
      Slot larger = slot(Math.max(bytes, Math.min(2 * now, partBytes)));
      free(slots[turn]);
      slots[turn] = larger;
    }
    return slots[turn];
  }

  private Part gather(Chosen chosen, List<CudaBuffer> arrays, Slot slot, long scores) {
    MemorySegment gathered = slot.gathered.segment();
    long block = slot.block;
    int count = chosen.count;
    long numbers = aligned((count + 1L) * Long.BYTES);
    long at = numbers + aligned((long) count * Integer.BYTES);
    long token = 0;
    for (int i = 0; i < count; i++) {
      gathered.setAtIndex(Layouts.I64, i, token);
      gathered.set(Layouts.I32, numbers + (long) i * Integer.BYTES, i);
      token += chosen.last(i) - chosen.first(i);
    }
    gathered.setAtIndex(Layouts.I64, count, token);
    List<CudaBuffer> tokens = new ArrayList<>();
    for (CudaBuffer array : arrays) {
      gather(chosen, array, gathered, at);
      tokens.add(new CudaBuffer(scope, array.dtype(), token, array.columns(), block + at, null));
      at += aligned(token * rowBytes(array));
    }
    return new Part(
        new CudaBuffer(scope, DType.I64, count + 1L, 1, block, null),
        tokens,
        new Scored.Some(block + numbers, scores, count));
  }

  private static void gather(Chosen chosen, CudaBuffer array, MemorySegment gathered, long place) {
    long rowBytes = rowBytes(array);
    long at = place;
    for (int i = 0; i < chosen.count; i++) {
      long bytes = (chosen.last(i) - chosen.first(i)) * rowBytes;
      MemorySegment.copy(array.wrapped(), chosen.first(i) * rowBytes, gathered, at, bytes);
      at += bytes;
    }
  }

  private static long rowBytes(CudaBuffer array) {
    return (long) array.columns() * array.dtype().bytes();
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Everything that was brought has been worked on. */
  @Override
  public void close() {
    for (Slot slot : slots) {
      free(slot);
    }
  }

  private void free(Slot slot) {
    memory.release(slot.block, slot.gathered.segment().byteSize());
    slot.gathered.close();
  }
}
