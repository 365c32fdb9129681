package dev.tartan.indexing;

import dev.tartan.compute.Backend;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * An endless sequence of changes to an index, each told by its number: so what an index must hold
 * after any of them is known without it.
 */
final class Changes {
  static final int DIM = 16;
  private static final int IDS = 60;

  private Changes() {}

  /** What a change does. */
  enum Kind {
    ADD,
    DELETE,
    UPDATE,
    MERGE,
    COMPACT,
    RETRAIN
  }

  static Kind kind(int change) {
    return switch (new SplittableRandom(change).nextInt(16)) {
      case 0, 1, 2, 3, 4 -> Kind.ADD;
      case 5, 6, 7 -> Kind.DELETE;
      case 8, 9, 10 -> Kind.UPDATE;
      case 11, 12, 13 -> Kind.MERGE;
      case 14 -> Kind.COMPACT;
      default -> Kind.RETRAIN;
    };
  }

  /** The index before change 1. */
  static void start(Path index) {
    TestIndex.write(index, IndexOptions.of(DIM, 2).withCentroids(16), docs(0, initial()));
  }

  private static List<String> initial() {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < IDS / 2; i++) {
      ids.add("d" + i);
    }
    return ids;
  }

  /** What lives after a change: of each id the change that wrote it. */
  static Map<String, Integer> after(int change) {
    TreeMap<String, Integer> living = new TreeMap<>();
    initial().forEach(id -> living.put(id, 0));
    for (int c = 1; c <= change; c++) {
      Step step = step(c, living);
      step.deleted.forEach(living::remove);
      int number = c;
      step.written.forEach(id -> living.put(id, number));
    }
    return living;
  }

  private record Step(List<String> deleted, List<String> written) {}

  /** What a change does to what lives before it. */
  private static Step step(int change, Map<String, Integer> living) {
    SplittableRandom random = new SplittableRandom(~change);
    List<String> deleted = new ArrayList<>();
    List<String> written = new ArrayList<>();
    Kind kind = kind(change);
    for (int i = 0; i < IDS; i++) {
      String id = "d" + i;
      boolean lives = living.containsKey(id);
      boolean chosen = random.nextInt(5) == 0;
      if (chosen && kind == Kind.ADD && !lives) {
        written.add(id);
      } else if (chosen && kind == Kind.DELETE && lives) {
        deleted.add(id);
      } else if (chosen && kind == Kind.UPDATE) {
        written.add(id);
        if (lives) {
          deleted.add(id);
        }
      }
    }
    return new Step(deleted, written);
  }

  /** Documents whose embeddings and texts tell which change wrote them. */
  private static List<Doc> docs(int change, List<String> ids) {
    List<Doc> docs = new ArrayList<>();
    for (String id : ids) {
      long seed = 1000L * change + Integer.parseInt(id.substring(1));
      docs.add(new Doc(id, TestIndex.docs(seed, 1, DIM, 3).getFirst().passages()));
    }
    return docs;
  }

  /** Does a change. */
  static void apply(Path index, int change, Backend backend) {
    switch (kind(change)) {
      case MERGE -> new Compaction(index, backend, Progress.NONE).merge();
      case COMPACT -> new Compaction(index, backend, Progress.NONE).compact();
      case RETRAIN -> new Compaction(index, backend, Progress.NONE).retrain();
      default -> {
        Step step = step(change, after(change - 1));
        try (IndexWriter writer = IndexWriter.append(index, backend, Progress.NONE)) {
          step.deleted.forEach(writer::requireDelete);
          docs(change, step.written).forEach(doc -> TestIndex.add(writer, doc));
          writer.commit();
        }
      }
    }
  }

  /** What an index holds, which is verified: of each id the doclens of its passages. */
  static Map<String, List<Integer>> held(Path index) {
    Map<String, List<Integer>> held = new TreeMap<>();
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
      for (Segment segment : snapshot.segments()) {
        for (int p = 0; p < segment.passages(); p++) {
          if (segment.isLive(segment.document(p))) {
            held.computeIfAbsent(segment.id(segment.document(p)), _ -> new ArrayList<>())
                .add(segment.doclen(p));
          }
        }
      }
    }
    return held;
  }

  /** The same after a change. */
  static Map<String, List<Integer>> expected(int change) {
    Map<String, List<Integer>> expected = new TreeMap<>();
    after(change)
        .forEach(
            (id, written) ->
                expected.put(
                    id,
                    docs(written, List.of(id)).getFirst().passages().stream()
                        .map(rows -> rows.length)
                        .toList()));
    return expected;
  }
}
