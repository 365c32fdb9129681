package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.Scope;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Some segments of a snapshot, and its codec, in the memory of one backend. Safe for any number of
 * threads.
 */
final class Shard implements AutoCloseable {
  final Backend backend;
  final CodecTables codec;
  final CentroidGrid grid;
  final List<SegmentTables> segments;
  private final Scope resident;

  /**
   * @param numbers of segments, ascending
   */
  private Shard(Snapshot snapshot, Backend backend, int[] numbers) {
    this.backend = backend;
    this.resident = backend.openScope();
    try {
      this.codec = snapshot.codec().tables(resident);
      this.grid = backend.grid(codec.centroids(), resident);
      boolean compressed = snapshot.codec().compressed();
      this.segments = SegmentTables.of(snapshot.segments(), numbers, compressed, resident);
    } catch (RuntimeException e) {
      resident.close();
      throw e;
    }
  }

  /**
   * All segments, spread over the places of {@code backend}: the largest first, each to where most
   * bytes are free. At least one shard.
   */
  static List<Shard> of(Snapshot snapshot, Backend backend) {
    List<Backend> places = backend.places();
    int[] placeOf = spread(snapshot.segments(), places);
    List<Shard> shards = new ArrayList<>();
    try {
      for (int p = 0; p < places.size(); p++) {
        int place = p;
        int[] numbers =
            IntStream.range(0, placeOf.length).filter(s -> placeOf[s] == place).toArray();
        if (numbers.length > 0 || (placeOf.length == 0 && p == 0)) {
          shards.add(new Shard(snapshot, places.get(p), numbers));
        }
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
