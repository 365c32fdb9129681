package dev.tartan.jmh.scale;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.encode.TokenPooling;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Component;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.SegmentWriter;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A large index made of a small one in minutes: its passages are runs of stored tokens of the small
 * one, and each centroid has several near copies, so that lists and tables have the sizes of a
 * large index. Good for times; its passages are too much alike to tell anything of recall.
 */
final class InflatedIndex {
  private static final int CHUNK = 1024; // passages
  private static final float JITTER = 0.03f;

  private final Segment source;
  private final int tokens;
  private final int copies;
  private final SplittableRandom random = new SplittableRandom(1);

  private InflatedIndex(Segment source, int tokens, int centroids) {
    this.source = source;
    this.tokens = tokens;
    this.copies = Math.toIntExact(Math.max(1, centroids / source.codec().centroids().rows()));
  }

  /** Writes {@code passages} documents of {@code tokens} each to {@code target}. */
  static void write(Path from, Path target, int passages, int tokens, int centroids) {
    try (Snapshot snapshot = Snapshot.open(from);
        IndexDirectory directory = IndexDirectory.open(target);
        SegmentWriter out = new SegmentWriter(target, "segment-1", false);
        Arena arena = Arena.ofShared()) {
      InflatedIndex inflated = new InflatedIndex(snapshot.segments().getFirst(), tokens, centroids);
      ResidualCodec codec = inflated.codec(arena);
      for (int p = 0; p < passages; p++) {
        out.addDocument("passage-" + p);
        out.addPassage(tokens, null, null);
      }
      out.startEmbeddings(codec);
      for (int p = 0; p < passages; p += CHUNK) {
        inflated.chunk(Math.min(CHUNK, passages - p), codec, out);
      }
      Manifest.CodecEntry old = snapshot.manifest().codec();
      Manifest.CodecEntry entry = directory.writeCodec("codec-1.codec", codec);
      Manifest.Training training = old.training();
      entry = training == null ? entry : entry.withTraining(training);
      Manifest.Source made = new Manifest.Source(null, null, codec.dim(), null, TokenPooling.NONE);
      directory.commit(Manifest.of(1, made, List.of(entry), List.of(out.finish(codec, entry))));
    }
  }

  private ResidualCodec codec(Arena arena) {
    ResidualCodec old = source.codec();
    int dim = old.dim();
    Matrix centroids = Matrix.allocate(arena, old.centroids().rows() * copies, dim);
    for (long c = 0; c < centroids.rows(); c++) {
      for (int d = 0; d < dim; d++) {
        float jitter = copies == 1 ? 0 : (float) (JITTER * random.nextGaussian());
        centroids.set(c, d, old.centroids().get(c / copies, d) + jitter);
      }
    }
    return new ResidualCodec(
        old.kind(), old.nbits(), centroids, old.cutoffs(), old.weights(), old.rotation());
  }

  private void chunk(int passages, ResidualCodec codec, SegmentWriter out) {
    try (Arena arena = Arena.ofConfined()) {
      long n = (long) passages * tokens;
      int residualBytes = codec.residualBytes();
      MemorySegment codes = arena.allocate(n * codec.codeType().bytes(), 64);
      MemorySegment residuals = arena.allocate(n * residualBytes, 64);
      MemorySegment factors = arena.allocate(n * Short.BYTES, 64);
      for (int p = 0; p < passages; p++) {
        long first = random.nextLong(source.tokens() - tokens);
        MemorySegment from = source.rows(Component.CODES, first, tokens);
        for (int t = 0; t < tokens; t++) {
          int code = Short.toUnsignedInt(from.getAtIndex(Layouts.U16, t));
          short copy = (short) (code * copies + random.nextInt(copies));
          codes.setAtIndex(Layouts.U16, (long) p * tokens + t, copy);
        }
        copy(Component.RESIDUALS, first, residuals, p, residualBytes);
        copy(Component.FACTORS, first, factors, p, Short.BYTES);
      }
      out.addStored(codes, residuals, factors, null);
    }
  }

  private void copy(
      Component component, long first, MemorySegment target, long passage, int rowBytes) {
    MemorySegment.copy(
        source.rows(component, first, tokens),
        0,
        target,
        passage * tokens * rowBytes,
        (long) tokens * rowBytes);
  }
}
