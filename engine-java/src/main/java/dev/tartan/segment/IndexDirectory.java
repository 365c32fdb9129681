package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The writer's side of an index directory: the lock, the names of new files, the commit. One
 * instance a directory and machine at a time; the operating system lets the lock go when its
 * process dies. Confined to one thread.
 */
public final class IndexDirectory implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(IndexDirectory.class.getName());
  private static final String LOCK = "write.lock";
  private static final Pattern OURS =
      Pattern.compile(
          "(segment|codec)-[\\d-]+(\\.\\d+)?\\.(%s)|spool-\\d+\\.npy|manifest\\.(json|copy)\\.new"
              .formatted(
                  Arrays.stream(Component.values())
                      .map(Component::extension)
                      .collect(Collectors.joining("|"))));

  /**
   * Directories that this process writes. Closing any channel of a locked file frees its lock on
   * POSIX systems, so that a second writer here must be refused before it opens the file.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final Path held;
  private final FileChannel lockChannel;
  private final long lastCommit;
  private boolean committed;
  private boolean repairing;

  private IndexDirectory(Path path, Path held, FileChannel lockChannel, long lastCommit) {
    this.path = path;
    this.held = held;
    this.lockChannel = lockChannel;
    this.lastCommit = lastCommit;
  }

  /** Whether {@code path} holds a commit. */
  public static boolean exists(Path path) {
    return Files.exists(path.resolve(Manifest.FILE));
  }

  /**
   * Creates the directory if need be, locks it, and removes what an interrupted run left.
   *
   * @throws TartanException if another writer holds it, or it cannot be written
   */
  public static IndexDirectory open(Path path) {
    return open(path, Mode.WRITE);
  }

  /** Locks a directory whose manifest may be damaged, and touches nothing. */
  static IndexDirectory openDamaged(Path path) {
    return open(path, Mode.REPAIR);
  }

  private enum Mode {
    WRITE,
    REPAIR
  }

  private static IndexDirectory open(Path path, Mode mode) {
    try {
      Files.createDirectories(path);
      Path real = path.toRealPath();
      if (!HELD.add(real)) {
        throw busy(path, "another writer of this process");
      }
      try {
        return lock(path, real, mode);
      } catch (IOException | RuntimeException e) {
        HELD.remove(real);
        throw e;
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write the index at " + path, e);
    }
  }

  private static IndexDirectory lock(Path path, Path real, Mode mode) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path.resolve(LOCK),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      if (tryLock(channel) == null) {
        throw busy(path, "another process (%s)".formatted(holder(channel)));
      }
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap(
              ("pid " + ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)));
      if (mode == Mode.REPAIR) {
        IndexDirectory damaged =
            new IndexDirectory(path, real, channel, Manifest.readOrCopy(path).commit());
        damaged.repairing = true;
        return damaged;
      }
      IndexDirectory opened =
          new IndexDirectory(path, real, channel, exists(path) ? Manifest.read(path).commit() : 0);
      opened.removeLeftovers();
      return opened;
    } catch (IOException | RuntimeException e) {
      closeQuietly(channel);
      throw e;
    }
  }

  private static TartanException busy(Path path, String holder) {
    return new TartanException(
        "%s is being written by %s; wait for it or stop it".formatted(path, holder));
  }

  public Path path() {
    return path;
  }

  /** The number that the next commit will have; it is in the names of its files. */
  public long nextCommit() {
    return lastCommit + 1;
  }

  /** Writes a codec file and returns its entry for the manifest. */
  public Manifest.CodecEntry writeCodec(String file, ResidualCodec codec) {
    CodecFile.write(path.resolve(file), codec);
    return Manifest.CodecEntry.of(file, codec);
  }

  /**
   * Makes {@code manifest} the current commit. Its files must be on disk.
   *
   * @throws TartanException if that fails; the previous commit then stands
   */
  public void commit(Manifest manifest) {
    byte[] bytes = ManifestFile.bytes(manifest);
    try {
      replace(Manifest.FILE, bytes);
    } catch (IOException e) {
      throw TartanException.io("cannot commit to " + path, e);
    }
    committed = true;
    try { // the commit stands, whatever becomes of the rest
      replace(Manifest.COPY, bytes);
      removeLeftovers();
    } catch (IOException | TartanException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot tidy {0} after a commit: {1}", path, e);
    }
  }

  /** Writes a file aside, forces it, renames it over what was there, and forces the directory. */
  private void replace(String name, byte[] bytes) throws IOException {
    Path aside = path.resolve(name + ".new");
    try (FileChannel out =
        FileChannel.open(
            aside,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer source = ByteBuffer.wrap(bytes);
      while (source.hasRemaining()) {
        out.write(source);
      }
      out.force(true);
    }
    forceDirectory();
    Files.move(
        aside,
        path.resolve(name),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    forceDirectory();
  }

  /** Lets the directory go, and removes what was not committed. */
  @Override
  public void close() {
    try {
      if (!committed && !repairing) {
        removeLeftovers();
      }
    } finally {
      closeQuietly(lockChannel);
      HELD.remove(held);
    }
  }

  private void removeLeftovers() {
    Set<String> keep = exists(path) ? new TreeSet<>(Manifest.read(path).files()) : Set.of();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (OURS.matcher(name).matches() && !keep.contains(name)) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot tidy " + path, e);
    }
  }

  private void forceDirectory() throws IOException {
    try (FileChannel directory = FileChannel.open(path, StandardOpenOption.READ)) {
      directory.force(true);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // held by this very process
    }
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(32);
    channel.read(bytes, 0);
    String text = StandardCharsets.US_ASCII.decode(bytes.flip()).toString();
    return text.isBlank() ? "unknown" : text;
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw TartanException.io("cannot close the lock", e);
    }
  }
}
