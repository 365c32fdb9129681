package dev.tartan.capi;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.segment.Manifest;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** What a handle stands for: an index, and the commit of it that is searched. */
final class OpenIndex {
  /** A backend takes longer to open than an index; so all indexes share them, and they stay. */
  private static final Map<Wanted, Backend> BACKENDS = new ConcurrentHashMap<>();

  private final Path path;
  private final Backend backend;
  private volatile @Nullable OpenCommit current;

  private record Wanted(String name, int threads) {
    Backend open() {
      // tartan_description tells which backend serves
      return Backends.open(name, threads, _ -> {});
    }
  }

  /**
   * Opens the current commit.
   *
   * @param threads of a search; 0 for as many as processors
   */
  OpenIndex(Path path, String backend, int threads) {
    int many = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    Wanted wanted = new Wanted(backend, many);
    this.path = path;
    this.backend = Failure.ofArgument(() -> BACKENDS.computeIfAbsent(wanted, Wanted::open));
    this.current = new OpenCommit(path, this.backend);
  }

  String backend() {
    return backend.name();
  }

  /** The commit that is searched, for one call, which closes it. */
  OpenCommit hold() {
    for (OpenCommit commit = current; commit != null; commit = current) {
      if (commit.hold()) {
        return commit;
      }
    }
    throw closed();
  }

  /** Goes over to the commit that is current now. */
  synchronized void refresh() {
    OpenCommit before = current;
    if (before == null) {
      throw closed();
    }
    if (Manifest.read(path).commit() != before.number()) {
      current = new OpenCommit(path, backend);
      before.close();
    }
  }

  synchronized void close() {
    OpenCommit last = current;
    if (last == null) {
      throw closed();
    }
    current = null;
    last.close();
  }

  private static Failure closed() {
    return Failure.closed("the index was closed meanwhile");
  }
}
