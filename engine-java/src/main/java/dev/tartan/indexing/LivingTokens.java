package dev.tartan.indexing;

import dev.tartan.codec.Rotation;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Component;
import dev.tartan.segment.Segment;
import java.util.ArrayList;
import java.util.List;

/**
 * The tokens of the living documents of some segments, as embeddings: the float16 ones where they
 * are kept, else what compression has left of them. Confined to one thread at a time.
 */
final class LivingTokens implements EmbeddingSource {
  private final List<Run> runs = new ArrayList<>();
  private final Backend backend;
  private final int dim;
  private final long tokens;

  /**
   * Tokens that follow each other in a segment.
   *
   * @param first in the segment
   * @param before how many tokens come before in all runs
   */
  record Run(Segment segment, long first, long count, long before) {}

  LivingTokens(List<Segment> segments, int dim, Backend backend) {
    this.backend = backend;
    this.dim = dim;
    long before = 0;
    for (Segment segment : segments) {
      for (int p = 0; p < segment.passages(); ) {
        int end = p;
        while (end < segment.passages()
            && segment.isLive(segment.document(end)) == segment.isLive(segment.document(p))) {
          end++;
        }
        long first = segment.firstToken(p);
        long count = segment.firstToken(end) - first;
        if (segment.isLive(segment.document(p)) && count > 0) {
          runs.add(new Run(segment, first, count, before));
          before += count;
        }
        p = end;
      }
    }
    this.tokens = before;
  }

  /** In the order of segments and passages. */
  List<Run> runs() {
    return runs;
  }

  @Override
  public long tokens() {
    return tokens;
  }

  @Override
  public int dim() {
    return dim;
  }

  @Override
  public String name() {
    return "the index";
  }

  @Override
  public void read(long first, Matrix target) {
    int r = runOf(first);
    for (long done = 0; done < target.rows(); r++) {
      Run run = runs.get(r);
      long skip = first + done - run.before();
      long n = Math.min(run.count() - skip, target.rows() - done);
      read(run.segment(), run.first() + skip, target.slice(done, n));
      done += n;
    }
  }

  /** The run that holds a token. */
  private int runOf(long token) {
    int low = 0;
    int high = runs.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (runs.get(middle).before() <= token) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private void read(Segment segment, long first, Matrix target) {
    if (segment.has(Component.EMBEDDINGS)) {
      Layouts.halfToFloat(
          segment.rows(Component.EMBEDDINGS, first, target.rows()),
          target.data(),
          target.rows() * dim);
      return;
    }
    try (Scope scope = backend.openScope()) {
      Buffer out = scope.allocate(DType.F32, target.rows(), dim);
      backend.decompress(
          segment.codec().tables(scope), segment.compressed(scope, first, target.rows()), 0, out);
      Rotation turned = segment.codec().rotation();
      if (turned != null) {
        out = turned.rotateBack(out, backend, scope);
      }
      out.copyTo(target.data());
    }
  }
}
