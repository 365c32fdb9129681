package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One segment's part of a search: its candidates, from stage to stage. Memory is that of the
 * largest search so far, and used again by the next. Confined to one thread.
 */
final class SegmentSearch {
  final SegmentTables tables;
  private final Backend backend;
  private final Scope scope;
  private final @Nullable Candidates[] rooms = new Candidates[2];
  private @Nullable Candidates found;

  /** Passages that may be found: the selected ones, or those that live; null for all. */
  private @Nullable Buffer allowed;

  private @Nullable Buffer selectedRoom;
  private MemorySegment allowedBits = MemorySegment.NULL;
  private int[] numbers = new int[0];

  SegmentSearch(SegmentTables tables, Backend backend, Scope scope) {
    this.tables = tables;
    this.backend = backend;
    this.scope = scope;
  }

  /** The searches to come find only what is selected; null for all that lives. */
  void select(@Nullable Selection selection) {
    MemorySegment live = tables.segment().livePassages();
    allowed = tables.live();
    allowedBits = live == null ? MemorySegment.NULL : live;
    if (selection != null) {
      allowedBits = selection.bits(tables.number());
      if (selectedRoom == null) {
        long words = allowedBits.byteSize() / Long.BYTES;
        selectedRoom = scope.allocate(DType.I64, words, 1);
      }
      selectedRoom.copyRowsFrom(allowedBits);
      allowed = selectedRoom;
    }
  }

  /** The passages under consideration. */
  Candidates found() {
    return Objects.requireNonNull(found, "no candidates were listed");
  }

  /** Considers the allowed passages in the lists that are probed, scored by what these tell. */
  void list(IntegerQueries queries, int nprobe) {
    Candidates out = room(queries.queries().queries(), tables.segment().passages(), null);
    backend.candidates(queries, tables.lists(), nprobe, allowed, out);
    found = out;
  }

  /** Considers all allowed passages, in their order, not scored. */
  void all(int queries) {
    int n = numberAllowed();
    Candidates out = room(queries, n, null);
    MemorySegment source = MemorySegment.ofArray(numbers).asSlice(0, (long) n * Integer.BYTES);
    for (int q = 0; q < queries; q++) {
      if (queries == 1) {
        out.passages().copyRowsFrom(source);
      } else {
        out.passages().slice(q * out.capacity(), n).copyFrom(source);
      }
      out.setCount(q, n);
    }
    found = out;
  }

  /** All passages by number, dead ones too, with their approximate scores. */
  Candidates approximate(IntegerQueries queries) {
    allowed = null;
    all(queries.queries().queries());
    backend.approximateScores(queries, tables.compressed(), Float.NEGATIVE_INFINITY, found());
    return found();
  }

  private int numberAllowed() {
    int passages = tables.segment().passages();
    if (numbers.length < passages) {
      numbers = new int[passages];
    }
    if (allowed == null) {
      for (int p = 0; p < passages; p++) {
        numbers[p] = p;
      }
      return passages;
    }
    int n = 0;
    for (int w = 0; w < allowedBits.byteSize() / Long.BYTES; w++) {
      for (long word = allowedBits.getAtIndex(Layouts.I64, w); word != 0; word &= word - 1) {
        numbers[n++] = w * Long.SIZE + Long.numberOfTrailingZeros(word);
      }
    }
    return n;
  }

  /** Keeps the {@code keep} best of each query that has more, their passages still ascending. */
  void cut(long keep) {
    if (found().largest() > keep) {
      Candidates out = room(found().queries(), keep, found);
      backend.cut(found(), keep, out);
      found = out;
    }
  }

  /**
   * The {@code keep} best by their scores, best first. They live in other memory than those under
   * consideration, until the stage after the next.
   */
  Candidates best(long keep) {
    Candidates out = room(found().queries(), Math.min(keep, found().largest()), found);
    backend.keepBest(found(), keep, out);
    return out;
  }

  /** Room for candidates: one of two that take turns, so that searches reuse their memory. */
  private Candidates room(int queries, long capacity, @Nullable Candidates besides) {
    int turn = rooms[0] != null && rooms[0] == besides ? 1 : 0;
    Candidates room = rooms[turn];
    if (room == null || room.queries() != queries || room.capacity() < capacity) {
      // twice what is needed, so that memory grown out of is no more than memory in use
      room = Candidates.allocate(scope, queries, room == null ? capacity : 2 * capacity);
      rooms[turn] = room;
    }
    return room;
  }
}
