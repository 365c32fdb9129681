package dev.tartan.search;

import dev.tartan.memory.Matrix;
import dev.tartan.segment.Segment;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Queries made of the index's own passages, for calibration: runs of tokens of random passages. A
 * token finds itself in the index, which no token of a real query does; so each is mixed with a
 * token of another passage, and the document that a query was made of does not count among its
 * hits.
 *
 * @param rows the queries
 * @param sources the document that each was made of, as {@link #key}
 */
record PseudoQueries(List<Matrix> rows, List<Long> sources) {
  /** No document: the source of a query that a user gave. */
  static final long NOWHERE = -1;

  private static final long SEED = 7;

  /** About the length of real queries; fewer rows find less, more are easier. */
  private static final int ROWS = 16;

  /** What a token of the other passage weighs. */
  private static final float FOREIGN = 0.25f;

  static PseudoQueries given(List<Matrix> rows) {
    return new PseudoQueries(rows, rows.stream().map(row -> NOWHERE).toList());
  }

  /** At most {@code count} of the index, the same at every call; fewer if it is almost empty. */
  static PseudoQueries of(Searcher searcher, int count, Arena arena) {
    SplittableRandom random = new SplittableRandom(SEED);
    List<Matrix> rows = new ArrayList<>();
    List<Long> sources = new ArrayList<>();
    long passages = before(searcher, searcher.snapshot().segments().size());
    if (passages == 0) {
      return new PseudoQueries(rows, sources);
    }
    for (int attempt = 0; rows.size() < count && attempt < 20 * count; attempt++) {
      long passage = random.nextLong(passages);
      long other = random.nextLong(passages);
      Matrix tokens = tokens(searcher, passage, arena);
      Matrix others = tokens(searcher, other, arena);
      if (tokens.rows() > 0 && others.rows() > 0 && lives(searcher, passage)) {
        rows.add(mixed(tokens, others, random, arena));
        sources.add(document(searcher, passage));
      }
    }
    return new PseudoQueries(rows, sources);
  }

  private static boolean lives(Searcher searcher, long passage) {
    int s = segmentOf(searcher, passage);
    Segment segment = searcher.snapshot().segments().get(s);
    return segment.isLive(segment.document((int) (passage - before(searcher, s))));
  }

  /** Names a document, or a passage, of the snapshot. */
  static long key(int segment, int document) {
    return (long) segment << 32 | document;
  }

  private static Matrix mixed(Matrix tokens, Matrix others, SplittableRandom random, Arena arena) {
    int rows = (int) Math.min(ROWS, tokens.rows());
    Matrix query = Matrix.allocate(arena, rows, tokens.dim());
    long first = random.nextLong(tokens.rows() - rows + 1);
    for (int r = 0; r < rows; r++) {
      long other = random.nextLong(others.rows());
      for (int d = 0; d < query.dim(); d++) {
        query.set(r, d, tokens.get(first + r, d) + FOREIGN * others.get(other, d));
      }
    }
    query.normalizeRows("the pseudo-query", 0);
    return query;
  }

  private static Matrix tokens(Searcher searcher, long passage, Arena arena) {
    int s = segmentOf(searcher, passage);
    return searcher.tokens(
        searcher.snapshot().segments().get(s), (int) (passage - before(searcher, s)), arena);
  }

  private static long document(Searcher searcher, long passage) {
    int s = segmentOf(searcher, passage);
    Segment segment = searcher.snapshot().segments().get(s);
    return key(s, segment.document((int) (passage - before(searcher, s))));
  }

  private static int segmentOf(Searcher searcher, long passage) {
    int s = 0;
    while (before(searcher, s + 1) <= passage) {
      s++;
    }
    return s;
  }

  /** Passages in the segments before number {@code segment}. */
  private static long before(Searcher searcher, int segment) {
    return searcher.snapshot().segments().stream()
        .limit(segment)
        .mapToLong(Segment::passages)
        .sum();
  }
}
