package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One commit of an index, open for reading. It stays as it is whatever a writer does meanwhile.
 * Safe for any number of threads. The mapped files are let go when the snapshot is closed and the
 * last {@link #lease} with it.
 */
public final class Snapshot implements AutoCloseable {
  private static final int ATTEMPTS = 5;

  private final Path directory;
  private final Manifest manifest;
  private final ArrayFile codecFile;
  private final ResidualCodec codec;
  private final List<Segment> segments = new ArrayList<>();
  private final Arena arena = Arena.ofShared();

  /** Leases, plus one until {@link #close}. */
  private final AtomicLong holders = new AtomicLong(1);

  private final Lease lease = new Lease();
  private volatile boolean closed;

  private Snapshot(Path directory, Manifest manifest) {
    this.directory = directory;
    this.manifest = manifest;
    try {
      this.codecFile = CodecFile.open(directory, manifest, arena);
      this.codec = CodecFile.read(codecFile, manifest);
      for (Manifest.SegmentEntry entry : manifest.segments()) {
        segments.add(Segment.open(directory, entry, codec, arena));
      }
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
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

  public ResidualCodec codec() {
    return codec;
  }

  public List<Segment> segments() {
    return Collections.unmodifiableList(segments);
  }

  /** Bytes of the codec file. */
  public long codecBytes() {
    return ArrayFile.HEADER_BYTES + codecFile.rows() * codecFile.rowBytes();
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
   * Reads every byte of the commit and compares it with the checksums.
   *
   * @throws TartanException that names the first damaged file
   */
  public void verify() {
    try (Lease _ = lease()) {
      codecFile.verify();
      segments.forEach(Segment::verify);
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
