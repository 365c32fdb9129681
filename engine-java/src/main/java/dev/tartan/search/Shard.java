package dev.tartan.search;

import dev.tartan.codec.QueryRotation;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.codec.Rotation;
import dev.tartan.compute.Backend;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.Scope;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Some segments of a snapshot that share a codec, and that codec, in the memory of one backend. A
 * search cuts the candidates of a shard together, as if its segments were one. Safe for any number
 * of threads.
 */
final class Shard implements AutoCloseable {
  final Backend backend;
  final CodecTables codec;
  final CentroidGrid grid;
  final List<SegmentTables> segments;
  final boolean compressed;
  final @Nullable QueryRotation rotation;

  /** Living passages. */
  final long passages;

  private final Scope resident;

  /**
   * @param numbers of segments of {@code codec}, ascending
   */
  private Shard(List<Segment> all, ResidualCodec codec, Backend backend, int[] numbers) {
    this.backend = backend;
    this.compressed = codec.compressed();
    Rotation turned = codec.rotation();
    this.rotation = turned == null ? null : new QueryRotation(turned);
    this.passages = IntStream.of(numbers).mapToLong(s -> all.get(s).entry().livingPassages()).sum();
    this.resident = backend.openScope();
    try {
      this.codec = codec.tables(resident);
      this.grid = backend.grid(this.codec.centroids(), resident);
      this.segments = SegmentTables.of(all, numbers, compressed, resident);
    } catch (RuntimeException e) {
      resident.close();
      throw e;
    }
  }

  /**
   * All segments, spread over the places of {@code backend}: the largest first, each to where most
   * bytes are free; those of a place by their codecs. At least one shard.
   */
  static List<Shard> of(Snapshot snapshot, Backend backend) {
    List<Segment> segments = snapshot.segments();
    List<Backend> places = backend.places();
    int[] placeOf = spread(segments, places);
    Set<ResidualCodec> codecs = new LinkedHashSet<>(List.of(snapshot.codec()));
    segments.forEach(segment -> codecs.add(segment.codec()));
    List<Shard> shards = new ArrayList<>();
    try {
      for (int p = 0; p < places.size(); p++) {
        for (ResidualCodec codec : codecs) {
          int place = p;
          int[] numbers =
              IntStream.range(0, placeOf.length)
                  .filter(s -> placeOf[s] == place && segments.get(s).codec().equals(codec))
                  .toArray();
          if (numbers.length > 0) {
            shards.add(new Shard(segments, codec, places.get(p), numbers));
          }
        }
      }
      if (shards.isEmpty()) {
        shards.add(new Shard(segments, snapshot.codec(), backend, new int[0]));
      }
    } catch (RuntimeException e) {
      shards.forEach(Shard::close);
      throw e;
    }
    return shards;
  }

  /** The place of each segment. */
  private static int[] spread(List<Segment> segments, List<Backend> places) {
    long[] free = places.stream().mapToLong(Backend::freeBytes).toArray();
    int[] placeOf = new int[segments.size()];
    IntStream.range(0, placeOf.length)
        .boxed()
        .sorted(Comparator.comparingLong((Integer s) -> -segments.get(s).searchedBytes()))
        .forEach(
            s -> {
              int most = 0;
              for (int p = 1; p < free.length; p++) {
                most = free[p] > free[most] ? p : most;
              }
              placeOf[s] = most;
              free[most] -= segments.get(s).searchedBytes();
            });
    return placeOf;
  }

  @Override
  public void close() {
    resident.close();
  }
}
