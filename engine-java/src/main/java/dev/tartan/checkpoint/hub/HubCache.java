package dev.tartan.checkpoint.hub;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One model in the cache, laid out as huggingface_hub does: {@code blobs} by checksum, {@code
 * snapshots/COMMIT} with a link for each file, {@code refs} with the commit of each branch, {@code
 * .no_exist/COMMIT} with what a commit is known to lack. Files appear under their names when they
 * are complete.
 */
final class HubCache {
  /** Locks of a file hold between processes only. */
  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final Path model;
  private final Path lockFile;
  private final Links links;

  /** Makes symbolic links. */
  interface Links {
    void create(Path link, Path target) throws IOException;
  }

  HubCache(Path cache, String repository) {
    this(cache, repository, (link, target) -> Files.createSymbolicLink(link, target));
  }

  HubCache(Path cache, String repository, Links links) {
    String folder = "models--" + repository.replace("/", "--");
    this.model = cache.resolve(folder);
    this.lockFile = cache.resolve(".locks").resolve(folder).resolve("tartan.lock");
    this.links = links;
  }

  /** The commit that a branch or tag was when it was fetched; null if it was not. */
  @Nullable String commit(String revision) {
    Path ref = model.resolve("refs").resolve(revision);
    if (HubName.isCommit(revision) || !Files.isRegularFile(ref)) {
      return HubName.isCommit(revision) ? revision : null;
    }
    try {
      String commit = Files.readString(ref).strip();
      return HubName.isCommit(commit) ? commit : null;
    } catch (IOException e) {
      throw TartanException.io("cannot read the cache of models", e);
    }
  }

  void setCommit(String revision, String commit) {
    if (HubName.isCommit(revision)) {
      return;
    }
    try {
      Path ref = model.resolve("refs").resolve(revision);
      Files.createDirectories(ref.getParent());
      Files.move(Files.writeString(temporary(ref), commit), ref, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw TartanException.io("cannot write the cache of models", e);
    }
  }

  Path snapshot(String commit) {
    return model.resolve("snapshots").resolve(commit);
  }

  /** What is cached of a commit, as the hub names it. */
  Set<String> paths(String commit) {
    return paths(snapshot(commit));
  }

  /** What a commit is known to lack. */
  Set<String> absent(String commit) {
    return paths(model.resolve(".no_exist").resolve(commit));
  }

  private static Set<String> paths(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Set.of();
    }
    Set<String> paths = new HashSet<>();
    try (var files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        paths.add(folder.relativize(file).toString().replace('\\', '/'));
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read the cache of models", e);
    }
    return paths;
  }

  void setAbsent(String commit, String path) {
    try {
      Path marker = model.resolve(".no_exist").resolve(commit).resolve(path);
      if (!Files.exists(marker)) {
        Files.createDirectories(marker.getParent());
        Files.move(Files.createFile(temporary(marker)), marker, StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write the cache of models", e);
    }
  }

  /** Where the content with a checksum lies, or will. */
  Path blob(String checksum) {
    return model.resolve("blobs").resolve(checksum);
  }

  /** Shows a blob under its name; copies it where the file system has no links. */
  void link(String commit, String path, Path blob) {
    try {
      Path pointer = snapshot(commit).resolve(path);
      Path folder = Objects.requireNonNull(pointer.getParent());
      Files.createDirectories(folder);
      Path temporary = temporary(pointer);
      try {
        links.create(temporary, folder.relativize(blob));
      } catch (UnsupportedOperationException | FileSystemException e) {
        Files.copy(blob, temporary);
      }
      Files.move(temporary, pointer, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw TartanException.io("cannot write the cache of models", e);
    }
  }

  private static Path temporary(Path path) {
    return path.resolveSibling(path.getFileName() + "." + UUID.randomUUID() + ".incomplete");
  }

  /**
   * Runs {@code work} while no other thread or process does on this model.
   *
   * @param waiting called if there is one to wait for
   */
  void exclusively(Runnable waiting, Runnable work) {
    ReentrantLock threads = THREADS.computeIfAbsent(lockFile, _ -> new ReentrantLock());
    boolean told = !threads.tryLock();
    if (told) {
      waiting.run();
      threads.lock();
    }
    try (FileChannel channel = openLock()) {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        if (!told) {
          waiting.run();
        }
        lock = channel.lock();
      }
      assert lock.isValid(); // closing the channel gives it back
      work.run();
    } catch (IOException e) {
      throw TartanException.io("cannot lock the cache of models", e);
    } finally {
      threads.unlock();
    }
  }

  private FileChannel openLock() throws IOException {
    Files.createDirectories(lockFile.getParent());
    return FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }
}
