package dev.tartan.segment;

import dev.tartan.memory.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Documents of a snapshot that are to be deleted by the next commit. Costs a bit a document of each
 * segment that is touched. Confined to one thread.
 */
public final class Deletions implements AutoCloseable {
  private final Snapshot snapshot;
  private final Snapshot.Lease lease;
  private final Arena arena = Arena.ofConfined();
  private final @Nullable MemorySegment[] left;
  private long documents;

  /** None of {@code snapshot}, which stays readable until this is closed. */
  public Deletions(Snapshot snapshot) {
    this.snapshot = snapshot;
    this.lease = snapshot.lease();
    this.left = new MemorySegment[snapshot.segments().size()];
  }

  /** How many there are. */
  public long documents() {
    return documents;
  }

  /** Whether a document with this id lives in the snapshot and is not among these. */
  public boolean survives(String id) {
    return find(id) != null;
  }

  /** Adds a document; false if there is none, or it is among these already. */
  public boolean add(String id) {
    Snapshot.Place place = find(id);
    if (place == null) {
      return false;
    }
    add(place);
    return true;
  }

  /** Adds a document that lives and is not among these. */
  void add(Snapshot.Place place) {
    MemorySegment bits = left[place.segment()];
    if (bits == null) {
      bits = living(snapshot.segments().get(place.segment()));
      left[place.segment()] = bits;
    }
    Bits.clear(bits, place.document());
    documents++;
  }

  private Snapshot.@Nullable Place find(String id) {
    Snapshot.Place place = snapshot.find(id);
    if (place == null) {
      return null;
    }
    MemorySegment bits = left[place.segment()];
    return bits == null || Bits.get(bits, place.document()) ? place : null;
  }

  private MemorySegment living(Segment segment) {
    MemorySegment bits = Bits.allocate(segment.documents(), arena);
    for (int d = 0; d < segment.documents(); d++) {
      if (segment.isLive(d)) {
        Bits.set(bits, d);
      }
    }
    return bits;
  }

  /**
   * Writes what is left of each segment that is touched, for the next commit of {@code directory};
   * a segment of which nothing is left is left out.
   */
  public List<Manifest.SegmentEntry> write(IndexDirectory directory) {
    List<Manifest.SegmentEntry> entries = new ArrayList<>();
    for (int s = 0; s < left.length; s++) {
      Segment segment = snapshot.segments().get(s);
      MemorySegment bits = left[s];
      if (bits == null) {
        entries.add(segment.entry());
      } else if (Bits.count(bits) > 0) {
        entries.add(write(segment, bits, directory));
      }
    }
    return entries;
  }

  private static Manifest.SegmentEntry write(
      Segment segment, MemorySegment bits, IndexDirectory directory) {
    String file =
        "%s.%d.%s"
            .formatted(segment.entry().name(), directory.nextCommit(), Component.LIVE.extension());
    try (ArrayFileWriter out =
        new ArrayFileWriter(directory.path().resolve(file), Component.LIVE, DType.I64, 1)) {
      out.write(bits);
      out.finish();
    }
    long passages = 0;
    long tokens = 0;
    for (int p = 0; p < segment.passages(); p++) {
      if (Bits.get(bits, segment.document(p))) {
        passages++;
        tokens += segment.doclen(p);
      }
    }
    return segment
        .entry()
        .withLiving(new Manifest.Living(file, Bits.count(bits), passages, tokens));
  }

  @Override
  public void close() {
    arena.close();
    lease.close();
  }
}
