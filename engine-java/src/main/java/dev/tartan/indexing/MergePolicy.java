package dev.tartan.indexing;

import dev.tartan.segment.Manifest.SegmentEntry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which segments are to be merged: log-structured, so that there are few and every token is
 * rewritten a bounded number of times. Segments are on levels by their living tokens, each {@value
 * #FANOUT} times the one below; where a level has {@value #FANOUT}, these are merged. So there are
 * at most {@code (FANOUT - 1) log_FANOUT(tokens / FLOOR)} and some small ones, and above {@link
 * #FLOOR} a token is written once a level. A segment of which much is deleted is rewritten alone.
 */
final class MergePolicy {
  static final int FANOUT = 4;

  /** Tokens up to which all segments count as one level: to write them costs next to nothing. */
  static final long FLOOR = 1 << 17;

  /** A segment is rewritten when so much of it is deleted, which bounds what that costs too. */
  private static final double DELETED = 1.0 / 3;

  private static final long MOST_PASSAGES = Integer.MAX_VALUE;

  private MergePolicy() {}

  /** Segments that are to become one now; empty if all is well. */
  static List<SegmentEntry> next(List<SegmentEntry> segments) {
    for (List<SegmentEntry> level : levels(segments)) {
      if (level.size() >= FANOUT) {
        return level;
      }
    }
    return segments.stream()
        .filter(segment -> segment.tokens() - segment.livingTokens() > DELETED * segment.tokens())
        .limit(1)
        .toList();
  }

  /** Groups of those that can be made one without compressing again; the smallest level first. */
  private static List<List<SegmentEntry>> levels(List<SegmentEntry> segments) {
    Map<List<Object>, List<SegmentEntry>> groups = new LinkedHashMap<>();
    segments.stream()
        .sorted(Comparator.comparingLong(SegmentEntry::livingTokens))
        .forEach(
            segment ->
                groups
                    .computeIfAbsent(
                        List.of(level(segment), segment.codec(), segment.components()),
                        _ -> new ArrayList<>())
                    .add(segment));
    return groups.values().stream().map(MergePolicy::fitting).toList();
  }

  private static int level(SegmentEntry segment) {
    int level = 0;
    for (long most = FLOOR; segment.livingTokens() > most; most *= FANOUT) {
      level++;
    }
    return level;
  }

  /** As many of them as have few enough passages for one segment. */
  static List<SegmentEntry> fitting(List<SegmentEntry> segments) {
    List<SegmentEntry> some = new ArrayList<>();
    long passages = 0;
    for (SegmentEntry segment : segments) {
      passages += segment.livingPassages();
      if (passages <= MOST_PASSAGES) {
        some.add(segment);
      }
    }
    return some;
  }
}
