package dev.tartan.compute.cpu;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;

import dev.tartan.compute.Backend;
import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.Scope;
import dev.tartan.compute.host.HostBackend;
import dev.tartan.compute.host.HostKernels;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A small seeded contract that the kernels of a tier keep before they serve: the integers of the
 * scalar tier, and its floats within the stated bounds. It is there for processors, hypervisors and
 * emulators that claim what they do not do right; the code itself is held by the tests of the
 * build.
 */
final class TierCheck {
  private static final int[] BITS = {1, 2, 3, 4, 8};
  private static final int NPROBE = 2;

  private final HostKernels subject;
  private final HostKernels truth;
  private @Nullable String problem;

  private TierCheck(HostKernels subject, HostKernels truth) {
    this.subject = subject;
    this.truth = truth;
  }

  /** The last of the tiers, which begin with the scalar one, that does what that one does. */
  static <K extends HostKernels> K best(List<K> tiers, Consumer<String> notices) {
    K scalar = tiers.getFirst();
    for (K tier : tiers.reversed()) {
      String problem = tier == scalar ? null : problem(tier, scalar);
      if (problem == null) {
        return tier;
      }
      notices.accept(
          "%s fails its self-check (%s): a slower tier serves"
              .formatted(tier.description(), problem));
    }
    return scalar;
  }

  /** The one of that name; throws if it is not there or does not do what the first one does. */
  static <K extends HostKernels> K named(List<K> tiers, String name) {
    K scalar = tiers.getFirst();
    K tier =
        tiers.stream()
            .filter(each -> each.description().equals("cpu (" + name + ")"))
            .findFirst()
            .orElseThrow(
                () ->
                    new TartanException(
                        "there is no tier '%s' here; there are %s"
                            .formatted(
                                name, tiers.stream().map(HostKernels::description).toList())));
    String problem = tier == scalar ? null : problem(tier, scalar);
    if (problem != null) {
      throw new TartanException(
          "%s fails its self-check: %s".formatted(tier.description(), problem));
    }
    return tier;
  }

  /** The operation that the subject does wrong; null if there is none. */
  static @Nullable String problem(HostKernels subject, HostKernels truth) {
    TierCheck check = new TierCheck(subject, truth);
    for (int nbits : BITS) {
      try (Arena arena = Arena.ofConfined();
          Backend backend = new HostBackend("self-check", truth, 1);
          Scope scope = backend.openScope()) {
        // Dimension 128 has kernels of its own; 72 is a whole number of no vector but the least.
        Form form = nbits % 2 == 0 ? Form.SCALED : Form.UNIT;
        check.search(new TierSample(arena, scope, 128, nbits, 40, form));
        form = nbits % 2 == 0 ? Form.UNIT : Form.SCALED;
        check.search(new TierSample(arena, scope, 72, nbits, 12, form));
      }
    }
    try (Arena arena = Arena.ofConfined();
        Backend backend = new HostBackend("self-check", truth, 1);
        Scope scope = backend.openScope()) {
      check.indexing(new TierSample(arena, scope, 128, 2, 12, Form.SCALED));
    }
    return check.problem;
  }

  private void search(TierSample s) {
    float bound = 1e-5f * s.rows;
    exact("integer scores", kernels -> s.stage(kernels, TierSample.INTEGER_SCORES));
    exact(
        "candidates",
        kernels ->
            s.stage(
                kernels,
                (backend, queries, out) -> {
                  backend.candidates(queries, s.lists, NPROBE, null, out);
                  return out.scores();
                }));
    exact(
        "approximate scores",
        kernels ->
            s.stage(
                kernels,
                (backend, queries, out) -> {
                  backend.approximateScores(queries, s.compressed, 0.1f, out);
                  return out.scores();
                }));
    TierSample.Stage maxSim =
        (backend, queries, out) -> {
          backend.integerMaxSim(queries, s.tables, s.compressed, out);
          return out.scores();
        };
    exact("integer MaxSim", kernels -> s.stage(kernels, maxSim));
    exact("integer MaxSim of pairs", kernels -> s.stageOfHalves(kernels, maxSim));
    within(
        bound,
        "rescoring",
        kernels ->
            s.stage(
                kernels,
                (backend, queries, out) -> {
                  backend.rescore(queries, s.tables, s.compressed, out);
                  return out.scores();
                }));
    within(
        bound,
        "MaxSim",
        kernels -> {
          MemorySegment out = s.floats(TierSample.PASSAGES);
          kernels.maxSim(s.scored(kernels), s.codec, s.passages, s.candidates, out);
          return out;
        });
  }

  private void indexing(TierSample s) {
    exact("centroid scores", kernels -> s.scored(kernels).scores());
    within(
        1e-5f * s.rows,
        "MaxSim of uncompressed passages",
        kernels ->
            s.stage(
                kernels,
                (backend, queries, out) -> {
                  backend.maxSimDense(queries.queries(), s.dense, out);
                  return out.scores();
                }));
    exact("nearest centroids", kernels -> codes(s, kernels));
    exact(
        "compression",
        kernels -> {
          int bytes = s.codec.residualBytes();
          MemorySegment out = s.arena.allocate(s.rows * (bytes + 2L), 8);
          kernels.compress(
              s.codec,
              s.values,
              codes(s, truth),
              out.asSlice(0, (long) s.rows * bytes),
              out.asSlice((long) s.rows * bytes));
          return out;
        });
    within(
        1e-6f,
        "decompression",
        kernels -> {
          MemorySegment out = s.floats(8L * s.dim);
          kernels.decompress(s.codec, s.passages, 0, out);
          return out;
        });
    exact(
        "sums of centroids",
        kernels -> {
          long sums = 8L * TierSample.CENTROIDS * s.dim;
          MemorySegment out = s.arena.allocate(sums + 8L * TierSample.CENTROIDS, 8);
          kernels.accumulateCentroids(
              s.values, s.dim, codes(s, truth), out.asSlice(0, sums), out.asSlice(sums));
          return out;
        });
  }

  /** By way of a sketch where the kernels make one. */
  private static MemorySegment codes(TierSample s, HostKernels kernels) {
    MemorySegment codes = s.arena.allocate(I32, s.rows);
    long bytes = kernels.centroidSketchBytes(s.dim, TierSample.CENTROIDS);
    MemorySegment sketch = bytes == 0 ? null : s.arena.allocate(bytes, 64);
    if (sketch != null) {
      kernels.sketchCentroids(s.codec.centroid(), s.dim, s.values, sketch);
    }
    kernels.nearestCentroids(s.values, s.dim, s.codec.centroid(), sketch, codes);
    return codes;
  }

  private void exact(String what, Function<HostKernels, MemorySegment> work) {
    check(what, work, (a, b) -> a.mismatch(b) < 0);
  }

  private void within(float bound, String what, Function<HostKernels, MemorySegment> work) {
    check(what, work, (a, b) -> close(a, b, bound));
  }

  private void check(String what, Function<HostKernels, MemorySegment> work, Agreement agreement) {
    if (problem != null) {
      return;
    }
    try {
      if (!agreement.holds(work.apply(truth), work.apply(subject))) {
        problem = what;
      }
    } catch (RuntimeException e) {
      problem = "%s: %s".formatted(what, e.getMessage());
    }
  }

  private static boolean close(MemorySegment a, MemorySegment b, float bound) {
    for (long i = 0; i < a.byteSize() / Float.BYTES; i++) {
      if (!(Math.abs(a.getAtIndex(F32, i) - b.getAtIndex(F32, i)) <= bound)) {
        return false;
      }
    }
    return true;
  }

  private interface Agreement {
    boolean holds(MemorySegment expected, MemorySegment actual);
  }
}
