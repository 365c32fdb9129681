package dev.tartan.train;

import dev.tartan.encode.model.Dropout;
import dev.tartan.encode.model.Torch;
import dev.tartan.encode.model.TrainableModel;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Runs a frozen backbone once for each text and keeps its hidden states in a scratch file, so that
 * every further step costs a projection. A text is run by itself: its hidden states must not depend
 * on what else was asked for, or a resumed run would round otherwise.
 */
final class CachedRows implements TextRows {
  private static final long BLOCK = 256L << 20;

  private final TrainableModel model;
  private final ColbertInputs inputs;
  private final int language;
  private final FileChannel scratch;
  private final Arena arena = Arena.ofShared();
  private final int threads;
  private final Map<String, MemorySegment> queries = new ConcurrentHashMap<>();
  private final Map<String, MemorySegment> passages = new ConcurrentHashMap<>();
  private MemorySegment block = MemorySegment.NULL;
  private long blocks;
  private long used;

  /**
   * @param threads that run the backbone
   * @param file created; deleted when this closes
   */
  CachedRows(TrainableModel model, ColbertInputs inputs, int language, int threads, Path file) {
    this.model = model;
    this.inputs = inputs;
    this.language = language;
    try {
      this.scratch =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
    this.threads = threads;
  }

  @Override
  public Rows queries(List<String> texts) {
    return rows(texts, queries, inputs::query);
  }

  @Override
  public Rows passages(List<String> texts) {
    return rows(texts, passages, inputs::passage);
  }

  private Rows rows(
      List<String> texts, Map<String, MemorySegment> known, Function<String, TokenSequence> input) {
    fill(texts, known, input);
    TensorVector parts = new TensorVector();
    int[] lengths = new int[texts.size()];
    long rowBytes = (long) model.hiddenSize() * Float.BYTES;
    for (int i = 0; i < lengths.length; i++) {
      MemorySegment stored = known.get(texts.get(i));
      if (stored == null) {
        throw new IllegalStateException("no hidden states of: " + texts.get(i));
      }
      lengths[i] = (int) (stored.byteSize() / rowBytes);
      parts.push_back(Torch.share(stored, lengths[i], model.hiddenSize()));
    }
    return new Rows(model.project(torch.cat(parts)), lengths);
  }

  private synchronized void fill(
      List<String> texts, Map<String, MemorySegment> known, Function<String, TokenSequence> input) {
    List<String> missing = texts.stream().filter(t -> !known.containsKey(t)).distinct().toList();
    if (missing.isEmpty()) {
      return;
    }
    float[][] hidden = new float[missing.size()][];
    Parallel.forEach(missing.size(), threads, i -> hidden[i] = hidden(input.apply(missing.get(i))));
    for (int i = 0; i < hidden.length; i++) {
      known.put(missing.get(i), store(hidden[i]));
    }
  }

  private float[] hidden(TokenSequence sequence) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      Tensor hidden = model.hidden(List.of(sequence), language, Dropout.NONE);
      return Torch.toArray(hidden);
    }
  }

  private MemorySegment store(float[] values) {
    long bytes = (long) values.length * Float.BYTES;
    if (used + bytes > block.byteSize()) {
      try {
        long size = Math.max(BLOCK, bytes);
        block = scratch.map(FileChannel.MapMode.READ_WRITE, blocks, size, arena);
        blocks += size;
        used = 0;
      } catch (IOException e) {
        throw TartanException.io("cannot keep hidden states", e);
      }
    }
    MemorySegment place = block.asSlice(used, bytes);
    MemorySegment.copy(values, 0, place, Layouts.F32, 0, values.length);
    used += bytes;
    return place;
  }

  @Override
  public void close() {
    arena.close();
    try {
      scratch.close();
    } catch (IOException e) {
      throw TartanException.io("cannot remove the file of hidden states", e);
    }
  }
}
