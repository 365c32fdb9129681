package dev.tartan.compute.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.host.HostViews;
import dev.tartan.memory.DType;
import dev.tartan.memory.Pool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The structs of native/include/tartan_cpu.h for one call of a search kernel, written anew for each
 * and pooled, so that a call makes no objects. What they point to lives as long as the call: the
 * search holds its index open.
 */
final class Structs {
  private static final Pool<Structs> SPARE = new Pool<>(64);

  private final Arena arena = Arena.ofShared();
  final MemorySegment query = arena.allocate(32, 8);
  final MemorySegment integers = arena.allocate(32, 8);
  final MemorySegment grid = arena.allocate(32, 8);
  final MemorySegment codec = arena.allocate(48, 8);
  final MemorySegment passages = arena.allocate(48, 8);
  final MemorySegment dense = arena.allocate(32, 8);
  final MemorySegment count = arena.allocate(8, 8);

  private Structs() {}

  static Structs take() {
    Structs spare = SPARE.take();
    return spare == null ? new Structs() : spare;
  }

  void giveBack() {
    if (!SPARE.give(this)) {
      arena.close();
    }
  }

  long count() {
    return count.get(JAVA_LONG, 0);
  }

  Structs query(QueryBatch batch, int q) {
    int dim = batch.rows().columns();
    query.set(JAVA_INT, 0, batch.rows(q));
    query.set(JAVA_INT, 4, dim);
    query.set(JAVA_LONG, 8, address(batch.rows()) + (long) batch.offsets()[q] * dim * Float.BYTES);
    query.set(JAVA_LONG, 16, 0);
    query.set(JAVA_LONG, 24, 0);
    return this;
  }

  Structs integers(IntegerQueries batch, int q) {
    integers.set(JAVA_LONG, 0, address(batch.blocks()) + batch.blockOffsets()[q]);
    integers.set(JAVA_LONG, 8, batch.centroids());
    integers.set(JAVA_LONG, 16, scoresAddress(batch, q));
    integers.set(JAVA_LONG, 24, bestAddress(batch, q));
    return this;
  }

  Structs grid(CentroidGrid from) {
    grid.set(JAVA_LONG, 0, from.values().rows());
    grid.set(JAVA_INT, 8, from.dim());
    grid.set(JAVA_FLOAT, 12, from.steps());
    grid.set(JAVA_FLOAT, 16, from.reach());
    grid.set(JAVA_LONG, 24, address(from.values()));
    return this;
  }

  Structs codec(CodecTables from) {
    codec.set(JAVA_INT, 0, from.dim());
    codec.set(JAVA_INT, 4, from.nbits());
    codec.set(JAVA_INT, 8, CpuKernels.form(from.form()));
    codec.set(JAVA_LONG, 16, from.centroids().rows());
    codec.set(JAVA_LONG, 24, address(from.centroids()));
    codec.set(JAVA_LONG, 32, address(from.cutoffs()));
    codec.set(JAVA_LONG, 40, address(from.weights()));
    return this;
  }

  Structs passages(CompressedPassages from) {
    Buffer factors = from.factors();
    passages.set(JAVA_LONG, 0, from.passages());
    passages.set(JAVA_LONG, 8, address(from.offsets()));
    passages.set(JAVA_LONG, 16, address(from.codes()));
    passages.set(JAVA_LONG, 24, address(from.residuals()));
    passages.set(JAVA_LONG, 32, factors == null ? 0 : address(factors));
    passages.set(JAVA_INT, 40, from.codes().dtype() == DType.U16 ? 2 : 4);
    return this;
  }

  Structs dense(DensePassages from) {
    dense.set(JAVA_LONG, 0, from.passages());
    dense.set(JAVA_LONG, 8, address(from.offsets()));
    dense.set(JAVA_LONG, 16, address(from.rows()));
    dense.set(JAVA_INT, 24, from.rows().dtype().bytes());
    dense.set(JAVA_INT, 28, from.rows().columns());
    return this;
  }

  static MemorySegment block(IntegerQueries batch, int q) {
    return MemorySegment.ofAddress(address(batch.blocks()) + batch.blockOffsets()[q]);
  }

  static MemorySegment scores(IntegerQueries batch, int q) {
    return MemorySegment.ofAddress(scoresAddress(batch, q));
  }

  static MemorySegment best(IntegerQueries batch, int q) {
    return MemorySegment.ofAddress(bestAddress(batch, q));
  }

  /** The passage numbers of query {@code q} from entry {@code first} on. */
  static MemorySegment passages(Candidates of, int q, long first) {
    return entry(of.passages(), q * of.capacity() + first);
  }

  /** The scores of query {@code q} from entry {@code first} on. */
  static MemorySegment scores(Candidates of, int q, long first) {
    return entry(of.scores(), q * of.capacity() + first);
  }

  private static MemorySegment entry(Buffer fourBytesEach, long index) {
    return MemorySegment.ofAddress(address(fourBytesEach) + index * Integer.BYTES);
  }

  private static long scoresAddress(IntegerQueries batch, int q) {
    return address(batch.scores()) + batch.centroids() * batch.laneOffsets()[q] * Short.BYTES;
  }

  private static long bestAddress(IntegerQueries batch, int q) {
    return address(batch.best()) + q * batch.centroids() * Short.BYTES;
  }

  private static long address(Buffer buffer) {
    return HostViews.segment(buffer).address();
  }
}
