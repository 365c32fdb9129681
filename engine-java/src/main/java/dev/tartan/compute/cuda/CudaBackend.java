package dev.tartan.compute.cuda;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.compute.Shapes;
import dev.tartan.compute.Workers;
import dev.tartan.memory.Pool;
import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of kernels/src/main/cuda on a device. A stage for a whole batch of queries is one
 * launch, on the stream of the scope that its output is in. The backend of the first device owns
 * those of the others.
 */
public final class CudaBackend implements Backend {
  private static final int QUERIES_AT_ONCE = 32;

  /** Spare streams kept: as many as threads are likely to search at once. */
  private static final int SPARES = 64;

  private final CudaDevice device;
  private final CudaModule module;
  private final DeviceMemory memory;
  private final Workers workers;
  private final SearchStages search = new SearchStages(this);
  private final IndexingStages indexing = new IndexingStages(this);
  private final Pool<CudaStream> streams = new Pool<>(SPARES);
  private final AtomicInteger users = new AtomicInteger(1); // scopes, and the owner until it closes
  private final Consumer<String> notices;
  private final AtomicBoolean toldOfStreaming = new AtomicBoolean();

  /** Of all devices, this one first; of a device that is not the first, itself alone. */
  private List<CudaBackend> places = List.of(this);

  private volatile boolean closed;

  private CudaBackend(int ordinal, Workers workers, Consumer<String> notices) {
    this.notices = notices;
    this.workers = workers;
    String unfit = CudaDriver.problem(ordinal);
    if (unfit != null) {
      throw new TartanException(unfit);
    }
    device = CudaDevice.open(ordinal);
    try {
      device.enter();
      module = new CudaModule(device);
      memory = new DeviceMemory(device);
    } catch (TartanException e) {
      device.release();
      throw e;
    }
  }

  /**
   * Opens the devices that {@link CudaDriver#DEVICES} names, or all that can serve.
   *
   * @param threads that searches and runs of tasks are spread over
   * @param notices receives a line for each device that is left out, and one where the memory of a
   *     device does not suffice for an index
   * @throws TartanException with the reason if there is no driver, or no device, or one that was
   *     named does not serve
   */
  public static CudaBackend open(int threads, Consumer<String> notices) {
    String problem = problem();
    if (problem != null) {
      throw new TartanException("the cuda backend is not available: " + problem);
    }
    int[] devices = CudaDriver.devices();
    Workers workers = new Workers(threads);
    List<CudaBackend> all = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    for (int ordinal : devices) {
      try {
        all.add(new CudaBackend(ordinal, workers, notices));
      } catch (TartanException e) {
        failures.add("GPU %d is not used: %s".formatted(ordinal, e.getMessage()));
      }
    }
    if (all.isEmpty() || (CudaDriver.property(CudaDriver.DEVICES) != null && !failures.isEmpty())) {
      all.forEach(CudaBackend::leave);
      workers.close();
      throw new TartanException(failures.getFirst());
    }
    failures.forEach(notices);
    all.getFirst().places = List.copyOf(all);
    return all.getFirst();
  }

  /** Why there is no cuda backend here, in one line; null if there is. */
  public static @Nullable String problem() {
    return CudaDriver.problem();
  }

  /**
   * Whether this machine has a CUDA driver, usable or not. One that a property names in its place
   * serves only who asks for cuda by name.
   */
  public static boolean isInstalled() {
    return CudaDriver.property(CudaDriver.PROPERTY) == null && CudaDriver.get().lookup() != null;
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public String description() {
    return places.stream()
        .map(place -> place.device.toString())
        .collect(Collectors.joining("; ", "cuda (", ")"));
  }

  @Override
  public List<Backend> places() {
    return List.copyOf(places);
  }

  @Override
  public long freeBytes() {
    return memory.left();
  }

  @Override
  public Scope openScope() {
    users.incrementAndGet();
    CudaStream spare = streams.take();
    try {
      return new CudaScope(
          this, memory, spare == null ? new CudaStream(device, memory, module) : spare);
    } catch (TartanException e) {
      leave();
      throw e;
    }
  }

  /** Takes back the stream of a scope that closes; only a sound one is used again. */
  void giveBack(CudaStream stream, boolean sound) {
    stream.reset();
    if (sound && (closed || !streams.give(stream))) {
      stream.close();
    }
    leave();
  }

  /** Says once that an array stays on the host. */
  void tellOfStreaming(long bytes) {
    if (!toldOfStreaming.getAndSet(true)) {
      notices.accept(
          "device memory is short: %d MB of token embeddings stay on the host and are copied as searches need them"
              .formatted(bytes >> 20));
    }
  }

  /** Waits for all streams; false if the device has failed. */
  boolean deviceFinished() {
    try {
      device.synchronise();
      return true;
    } catch (TartanException e) {
      return false; // told where it happened
    }
  }

  /**
   * The buffer as one of this backend.
   *
   * @throws IllegalArgumentException if it is not
   */
  CudaBuffer own(Buffer buffer) {
    if (buffer instanceof CudaBuffer own && own.scope().backend() == this) {
      return own;
    }
    throw new IllegalArgumentException("the buffer belongs to another backend");
  }

  /** The scope that works on what {@code buffer} is to hold. */
  CudaScope scope(Buffer buffer) {
    return own(buffer).scope();
  }

  int multiprocessors() {
    return device.multiprocessors();
  }

  @Override
  public int queriesAtOnce() {
    return QUERIES_AT_ONCE;
  }

  @Override
  public void run(int tasks, IntConsumer body) {
    workers.runWhole(tasks, body);
  }

  @Override
  public void centroidScores(QueryBatch queries, Buffer centroids, CentroidScores out) {
    Shapes.centroidScores(queries, centroids, out);
    search.centroidScores(queries, centroids, out);
  }

  @Override
  public CentroidGrid grid(Buffer centroids, Scope scope) {
    Shapes.centroids(centroids);
    return search.grid(centroids, scope);
  }

  @Override
  public IntegerQueries integerQueries(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec, Scope scope) {
    Shapes.integerScores(queries, grid, codec);
    return search.integerQueries(queries, grid, codec, scope);
  }

  @Override
  public void integerScores(IntegerQueries out, CentroidGrid grid, @Nullable CodecTables codec) {
    Shapes.integerScores(out, grid, codec);
    search.integerScores(out, grid, codec);
  }

  @Override
  public void candidates(
      IntegerQueries queries,
      InvertedListTables lists,
      int nprobe,
      @Nullable Buffer allowed,
      Candidates out) {
    Shapes.candidates(queries, lists, nprobe, allowed, out);
    search.candidates(queries, lists, nprobe, allowed, out);
  }

  @Override
  public void approximateScores(
      IntegerQueries queries, CompressedPassages passages, float threshold, Candidates candidates) {
    Shapes.approximateScores(queries, passages, candidates);
    search.approximateScores(queries, passages, threshold, candidates);
  }

  @Override
  public void integerMaxSim(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.integerMaxSim(queries, codec, passages, candidates);
    search.integerMaxSim(queries, codec, passages, candidates);
  }

  @Override
  public void rescore(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.integerMaxSim(queries, codec, passages, candidates);
    search.maxSim(queries.queries(), null, codec, passages, candidates);
  }

  @Override
  public void keepBest(Candidates in, long keep, Candidates out) {
    Shapes.keepBest(in, keep, out);
    search.keepBest(in, keep, out);
  }

  @Override
  public void cut(Candidates in, long keep, Candidates out) {
    Shapes.keepBest(in, keep, out);
    search.cut(in, keep, out);
  }

  @Override
  public void maxSim(
      QueryBatch queries,
      CentroidScores scores,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.maxSim(queries, scores, codec, passages, candidates);
    search.maxSim(queries, scores, codec, passages, candidates);
  }

  @Override
  public void maxSimDense(QueryBatch queries, DensePassages passages, Candidates candidates) {
    Shapes.maxSimDense(queries, passages, candidates);
    search.maxSimDense(queries, passages, candidates);
  }

  @Override
  public void nearestCentroids(Buffer rows, Buffer centroids, Buffer codes) {
    Shapes.codes(rows, centroids, codes);
    indexing.nearestCentroids(rows, centroids, codes);
  }

  @Override
  public void accumulateCentroids(Buffer rows, Buffer codes, Buffer sums, Buffer counts) {
    Shapes.accumulate(rows, codes, sums, counts);
    indexing.accumulateCentroids(rows, codes, sums, counts);
  }

  @Override
  public void compress(
      Buffer rows, Buffer codes, CodecTables codec, Buffer residuals, Buffer factors) {
    Shapes.compress(rows, codes, codec, residuals, factors);
    indexing.compress(rows, codes, codec, residuals, factors);
  }

  @Override
  public void decompress(
      CodecTables codec, CompressedPassages passages, long firstToken, Buffer out) {
    Shapes.codec(codec, passages);
    Shapes.decompress(codec, passages, firstToken, out);
    indexing.decompress(codec, passages, firstToken, out);
  }

  /** Scopes that are open stay usable until they close. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      places.stream().filter(place -> place != this).forEach(CudaBackend::close);
      workers.close();
      leave();
    }
  }

  /** The last one to leave puts out the light. */
  private void leave() {
    if (users.decrementAndGet() > 0) {
      return;
    }
    try {
      device.enter();
      for (CudaStream spare = streams.take(); spare != null; spare = streams.take()) {
        spare.close();
      }
      memory.freeSpares();
      module.unload();
      device.release();
    } catch (TartanException e) {
      return; // it failed before, which was told; what it still has goes with the process
    }
  }
}
