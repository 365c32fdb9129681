package dev.tartan.checkpoint.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** One model of the hub: in the cache, or on its way there. */
final class HubModel {
  private final HubSettings settings;
  private final HubName name;
  private final Progress progress;
  private final HubCache cache;

  HubModel(HubSettings settings, HubName name, Progress progress) {
    this.settings = settings;
    this.name = name;
    this.progress = progress;
    this.cache = new HubCache(settings.cache(), name.repository());
  }

  /** Finds or fetches it. */
  Hub.Model get() {
    if (settings.offline()) {
      return offline();
    }
    Hub.Model cached = cached();
    if (cached != null) {
      return cached;
    }
    AtomicReference<Hub.Model> model = new AtomicReference<>();
    cache.exclusively(
        () -> progress.stage("waiting for whoever fetches " + name, "", -1),
        () -> {
          Hub.Model other = cached();
          model.set(other == null ? remote() : other);
        });
    progress.done();
    return model.get();
  }

  private Hub.Model offline() {
    HubErrors errors = new HubErrors(settings, name);
    String commit = cache.commit(name.revision());
    if (commit == null || !Files.isDirectory(cache.snapshot(commit))) {
      throw errors.offline("");
    }
    List<String> missing = files(commit, cache.paths(commit)).missing();
    if (!missing.isEmpty()) {
      throw errors.offline(" with " + String.join(" and ", missing));
    }
    return model(commit);
  }

  /** A copy that is complete beyond doubt; null if the hub must be asked. */
  private Hub.@Nullable Model cached() {
    String commit = cache.commit(name.revision());
    if (commit == null || (name.stated() != null && !name.isPinned())) {
      return null;
    }
    Set<String> paths = cache.paths(commit);
    // other tools leave out files that they do not read, and ours could be among them
    if (CheckpointFiles.TELLING.stream().noneMatch(paths::contains)
        && !cache.absent(commit).containsAll(CheckpointFiles.TELLING)) {
      return null;
    }
    return files(commit, paths).missing().isEmpty() ? model(commit) : null;
  }

  private Hub.Model model(String commit) {
    return new Hub.Model(cache.snapshot(commit), name.at(commit));
  }

  private CheckpointFiles files(String commit, Set<String> paths) {
    return new CheckpointFiles(paths, path -> json(cache.snapshot(commit).resolve(path)));
  }

  private Hub.Model remote() {
    try (HubClient client = new HubClient(settings, name)) {
      HubClient.Listing listing = client.listing();
      String commit = listing.commit();
      CheckpointFiles files =
          new CheckpointFiles(
              listing.paths(),
              path -> {
                fetchSmall(client, commit, List.of(path));
                return json(cache.snapshot(commit).resolve(path));
              });
      List<String> missing = files.missing();
      if (!missing.isEmpty()) {
        throw client.errors().unreadable(missing);
      }
      fetchSmall(client, commit, files.small());
      fetchWeights(client, commit, files.weights());
      CheckpointFiles.TELLING.stream()
          .filter(path -> !listing.paths().contains(path))
          .forEach(path -> cache.setAbsent(commit, path));
      cache.setCommit(name.revision(), commit);
      return model(commit);
    }
  }

  private void fetchWeights(HubClient client, String commit, List<String> paths) {
    List<HubClient.RemoteFile> files = lacking(client, commit, paths);
    if (files.isEmpty()) {
      return;
    }
    long left = files.stream().mapToLong(f -> Download.left(f, cache.blob(f.checksum()))).sum();
    checkSpace(left);
    progress.stage("fetching " + name, "KiB", left >> 10);
    Kibibytes kibibytes = new Kibibytes();
    files.forEach(file -> fetch(client, commit, file, kibibytes));
  }

  /** Counts bytes, tells KiB. */
  private final class Kibibytes implements LongConsumer {
    private long bytes;

    @Override
    public void accept(long more) {
      long before = bytes >> 10;
      bytes += more;
      progress.advance((bytes >> 10) - before);
    }
  }

  private void checkSpace(long bytes) {
    try {
      Path folder = settings.cache();
      Files.createDirectories(folder);
      long free = Files.getFileStore(folder).getUsableSpace();
      if (bytes > free) {
        throw new TartanException(
            "the disk of %s has %,d MiB left, %s needs %,d MiB; make room, or set HF_HUB_CACHE to another folder"
                .formatted(folder, free >> 20, name, bytes >> 20));
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write the cache of models", e);
    }
  }

  private List<HubClient.RemoteFile> lacking(HubClient client, String commit, List<String> paths) {
    Set<String> there = cache.paths(commit);
    return paths.stream()
        .filter(path -> !there.contains(path))
        .map(path -> client.file(commit, path))
        .toList();
  }

  private void fetch(
      HubClient client, String commit, HubClient.RemoteFile file, LongConsumer fetched) {
    Path blob = cache.blob(file.checksum());
    new Download(client, file, blob, fetched).run();
    cache.link(commit, file.path(), blob);
  }

  private void fetchSmall(HubClient client, String commit, List<String> paths) {
    lacking(client, commit, paths).forEach(file -> fetch(client, commit, file, _ -> {}));
  }

  private static JsonNode json(Path file) {
    try {
      return new ObjectMapper().readTree(Files.readString(file));
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new TartanException(
          file + " is damaged: it is no JSON; delete it to fetch it again", e);
    } catch (IOException e) {
      throw TartanException.io("cannot read the cache of models", e);
    }
  }
}
