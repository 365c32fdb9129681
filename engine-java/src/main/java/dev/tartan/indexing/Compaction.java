package dev.tartan.indexing;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Progress;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Manifest.SegmentEntry;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes few segments of many, without what was deleted, or trains a new codec for what an index
 * holds. Readers go on with the commit that they have; each step is a commit of its own, which
 * leaves the documents as they are. Holds the index's lock meanwhile.
 */
public final class Compaction {
  private final Path path;
  private final Backend backend;
  private final Progress progress;

  public Compaction(Path path, Backend backend, Progress progress) {
    this.path = path;
    this.backend = backend;
    this.progress = progress;
  }

  /**
   * Merges segments until {@link MergePolicy} is content; often there is nothing to do.
   *
   * @return the last commit
   */
  public Manifest merge() {
    while (true) {
      try (IndexDirectory directory = IndexDirectory.open(path)) {
        Manifest manifest = Manifest.read(path);
        List<SegmentEntry> some = MergePolicy.next(manifest.segments());
        if (some.isEmpty()) {
          return manifest; // as mostly: nothing was mapped to find that out
        }
        try (Snapshot snapshot = Snapshot.open(path)) {
          merge(directory, snapshot, some);
        }
      }
    }
  }

  /**
   * Merges all segments into one, of the codec of what is added; if they store different things,
   * into one of each kind.
   *
   * @return the last commit
   */
  public Manifest compact() {
    try (IndexDirectory directory = IndexDirectory.open(path);
        Snapshot snapshot = Snapshot.open(path)) {
      Manifest manifest = snapshot.manifest();
      Map<List<String>, List<SegmentEntry>> kinds = new LinkedHashMap<>();
      manifest
          .segments()
          .forEach(s -> kinds.computeIfAbsent(s.components(), _ -> new ArrayList<>()).add(s));
      List<SegmentEntry> left = new ArrayList<>();
      for (List<SegmentEntry> kind : kinds.values()) {
        left.addAll(compacted(directory, snapshot, kind, left.size()));
      }
      if (left.equals(manifest.segments())) {
        return manifest;
      }
      Manifest next = manifest.withSegments(left);
      directory.commit(next);
      return next;
    }
  }

  private List<SegmentEntry> compacted(
      IndexDirectory directory, Snapshot snapshot, List<SegmentEntry> kind, int number) {
    String current = snapshot.manifest().codec().file();
    SegmentEntry first = kind.getFirst();
    boolean whole = kind.size() == 1 && first.living() == null && first.codec().equals(current);
    List<SegmentEntry> fitting = MergePolicy.fitting(kind);
    if (whole || fitting.size() < kind.size()) {
      return kind;
    }
    String name = "segment-%d-%d".formatted(directory.nextCommit(), number);
    return List.of(merged(directory, snapshot, fitting, name));
  }

  private void merge(IndexDirectory directory, Snapshot snapshot, List<SegmentEntry> some) {
    String name = "segment-" + directory.nextCommit();
    Set<SegmentEntry> gone = new HashSet<>(some);
    List<SegmentEntry> left = new ArrayList<>();
    for (SegmentEntry entry : snapshot.manifest().segments()) {
      if (!gone.contains(entry)) {
        left.add(entry);
      } else if (entry.equals(some.getFirst())) {
        left.add(merged(directory, snapshot, some, name));
      }
    }
    directory.commit(snapshot.manifest().withSegments(left));
  }

  /**
   * What lives of {@code some}, in the order of the snapshot, by the current codec or their own.
   */
  private SegmentEntry merged(
      IndexDirectory directory, Snapshot snapshot, List<SegmentEntry> some, String name) {
    List<Segment> sources =
        snapshot.segments().stream().filter(segment -> some.contains(segment.entry())).toList();
    Manifest manifest = snapshot.manifest();
    Segment first = sources.getFirst();
    boolean same = sources.stream().allMatch(s -> s.codec().equals(first.codec()));
    try (SegmentMerger merger =
        new SegmentMerger(directory.path(), name, sources, backend, progress)) {
      if (same) {
        return merger.copy(first.codec(), manifest.codec(first.entry()));
      }
      merger.compress(snapshot.codec());
      return merger.finish(snapshot.codec(), manifest.codec());
    }
  }

  /**
   * Trains a codec for what the index holds now and compresses all of it again, as one segment:
   * from the embeddings where they are kept, else from what compression has left of them.
   *
   * @return the new commit; the current one if there is no token
   */
  public Manifest retrain() {
    try (IndexDirectory directory = IndexDirectory.open(path);
        Snapshot snapshot = Snapshot.open(path);
        Arena arena = Arena.ofShared()) {
      Manifest manifest = snapshot.manifest();
      if (manifest.tokens() == 0) {
        return manifest;
      }
      String name = "segment-" + directory.nextCommit();
      try (SegmentMerger merger =
          new SegmentMerger(path, name, snapshot.segments(), backend, progress)) {
        LivingTokens tokens = merger.tokens();
        Manifest.CodecEntry like = manifest.codec();
        ResidualCodec codec =
            new CodecTraining(backend, progress)
                .train(tokens, 0, ResidualCodec.Kind.of(like.kind()), like.nbits(), arena);
        merger.compress(codec);
        progress.stage("inverted lists", "lists", -1);
        Manifest.CodecEntry entry =
            directory
                .writeCodec("codec-" + directory.nextCommit() + ".codec", codec)
                .withTraining(merger.training());
        Manifest next = manifest.withCodec(entry, List.of(merger.finish(codec, entry)));
        directory.commit(next);
        return next;
      }
    }
  }
}
