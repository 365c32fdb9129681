package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.ref.Cleaner;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One commit of an index, open for reading. It stays as it is whatever a writer does meanwhile.
 * Safe for any number of threads. The mapped files are let go when the snapshot is closed and the
 * last {@link #lease} with it.
 */
public final class Snapshot implements AutoCloseable {
  private static final int ATTEMPTS = 5;
  private static final Cleaner CLEANER = Cleaner.create();
  private static final System.Logger LOG = System.getLogger(Snapshot.class.getName());

  /** What is left of a snapshot that was never closed: it is told, and its memory given back. */
  private static final class Forgotten implements Runnable {
    private final Arena arena;
    private final String what;
    private volatile boolean closed;

    Forgotten(Arena arena, String what) {
      this.arena = arena;
      this.what = what;
    }

    @Override
    public void run() {
      if (!closed) {
        LOG.log(
            System.Logger.Level.WARNING,
            "{0} was opened and never closed; its files were mapped until now",
            what);
        arena.close();
      }
    }
  }

  private final Path directory;
  private final Manifest manifest;
  private final Map<String, ArrayFile> codecFiles = new LinkedHashMap<>();
  private final Map<String, ResidualCodec> codecs = new LinkedHashMap<>();
  private final List<Segment> segments = new ArrayList<>();
  private final Arena arena = Arena.ofShared();

  /** Leases, plus one until {@link #close}. */
  private final AtomicLong holders = new AtomicLong(1);

  private final Lease lease = new Lease();
  private final Forgotten forgotten;
  private final Cleaner.Cleanable forgetting;
  private volatile boolean closed;

  private Snapshot(Path directory, Manifest manifest) {
    this.directory = directory;
    this.manifest = manifest;
    try {
      for (Manifest.CodecEntry entry : manifest.codecs()) {
        ArrayFile file = CodecFile.open(directory, entry, arena);
        codecFiles.put(entry.file(), file);
        codecs.put(entry.file(), CodecFile.read(file, entry, manifest.dim()));
      }
      for (Manifest.SegmentEntry entry : manifest.segments()) {
        segments.add(Segment.open(directory, entry, codec(entry), arena));
      }
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
    this.forgotten =
        new Forgotten(arena, "commit %d of %s".formatted(manifest.commit(), directory));
    this.forgetting = CLEANER.register(this, forgotten);
  }

  /**
   * Opens the current commit of {@code directory}. Maps files and reads headers; costs
   * milliseconds.
   *
   * @throws TartanException if there is no index, or a file is missing, truncated, damaged in its
   *     header, or of a newer format
   */
  public static Snapshot open(Path directory) {
    for (int attempt = 1; ; attempt++) {
      Manifest manifest = Manifest.read(directory);
      try {
        return new Snapshot(directory, manifest);
      } catch (TartanException e) {
        // A writer may have replaced the commit, and unlinked its files, since the manifest was
        // read.
        if (attempt == ATTEMPTS || Manifest.read(directory).commit() == manifest.commit()) {
          throw e;
        }
      }
    }
  }

  public Path directory() {
    return directory;
  }

  public Manifest manifest() {
    return manifest;
  }

  /** The codec of what is added from now on. */
  public ResidualCodec codec() {
    return Objects.requireNonNull(codecs.get(manifest.codec().file()));
  }

  private ResidualCodec codec(Manifest.SegmentEntry entry) {
    return Objects.requireNonNull(codecs.get(entry.codec()), "the manifest was checked");
  }

  public List<Segment> segments() {
    return Collections.unmodifiableList(segments);
  }

  /** Bytes of the codec files. */
  public long codecBytes() {
    return codecFiles.values().stream()
        .mapToLong(file -> ArrayFile.HEADER_BYTES + file.data().byteSize())
        .sum();
  }

  /**
   * Where a document is.
   *
   * @param segment its number in the snapshot
   * @param document its number in the segment
   */
  public record Place(int segment, int document) {}

  /** The living document with an external id; null if there is none. */
  public @Nullable Place find(String id) {
    for (int s = segments.size() - 1; s >= 0; s--) { // what was added last is asked for most
      int document = segments.get(s).find(id);
      if (document >= 0) {
        return new Place(s, document);
      }
    }
    return null;
  }

  /** Keeps the mapped files until the lease closes, also if the snapshot is closed before. */
  public Lease lease() {
    long before = holders.getAndUpdate(n -> n == 0 ? 0 : n + 1);
    if (before == 0 || closed) {
      if (before != 0) {
        release();
      }
      throw new IllegalStateException("the index is closed");
    }
    return lease;
  }

  /**
   * Reads every byte of the commit, compares it with the checksums, and checks every reference.
   *
   * @throws TartanException that names the first damaged file
   */
  public void verify() {
    try (Lease _ = lease()) {
      codecFiles.values().forEach(ArrayFile::verify);
      segments.forEach(segment -> new SegmentCheck(segment).check());
      segments.forEach(this::requireOwnIds);
      Manifest.checkCopy(directory);
    }
  }

  /** No id lives twice. */
  private void requireOwnIds(Segment segment) {
    for (int d = 0; d < segment.documents(); d++) {
      String id = segment.id(d);
      if (segment.isLive(d)) {
        for (Segment other : segments) {
          int found = other.find(id);
          if (found >= 0 && (other != segment || found != d)) {
            throw ArrayFile.damaged(
                segment.file(Component.IDS).path(),
                "the id '%s' of document %d lives twice".formatted(id, d));
          }
        }
      }
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      release();
    }
  }

  private void release() {
    if (holders.decrementAndGet() == 0) {
      forgotten.closed = true;
      forgetting.clean();
      arena.close();
    }
  }

  /** A hold on the mapped files; one object for all holders, each of which closes it once. */
  public final class Lease implements AutoCloseable {
    private Lease() {}

    @Override
    public void close() {
      release();
    }
  }
}
