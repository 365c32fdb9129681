package dev.tartan.encode.model;

import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.encode.text.LengthBatches;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The model of {@link TokenEmbedder} with parameters that take gradients. They share the memory of
 * its weights, so what an optimiser writes there is seen by the next call. Calls may run on several
 * threads, but not while parameters change.
 */
public final class TrainableModel implements AutoCloseable {
  /** Token places of a batch, a bound on what padding costs. */
  private static final int BATCH_TOKENS = 4096;

  private final Parameters tensors;
  private final Backbone backbone;
  private final @Nullable Head head;
  private final Dropout stated;

  private TrainableModel(
      Parameters tensors, Backbone backbone, @Nullable Head head, Dropout stated) {
    this.tensors = tensors;
    this.backbone = backbone;
    this.head = head;
    this.stated = stated;
  }

  /**
   * Builds a model.
   *
   * @param weights the backbone's tensors
   * @param head the dense layers on it, in order, their weights float32 in memory too
   * @param layers the layers of the backbone to run; 0 for all
   * @param frozenBackbone whether only the head takes gradients
   * @param arena for what is computed at loading; outlives the model, like the weights' memory
   * @throws TartanException as {@link TokenEmbedder#open}, or if nothing would take gradients
   */
  public static TrainableModel open(
      ModelConfig config,
      MemoryWeights weights,
      List<DenseLayer> head,
      int layers,
      boolean frozenBackbone,
      Arena arena) {
    Torch.load();
    if (frozenBackbone && head.isEmpty()) {
      throw new TartanException(
          weights.source() + " has no projection, so nothing is left to train: unfreeze it");
    }
    try (PointerScope _ = new PointerScope()) {
      Parameters tensors = new Parameters(weights, arena, !frozenBackbone);
      Backbone backbone = Backbone.open(config, tensors, layers);
      Head dense = head.isEmpty() ? null : new Head(head, backbone.hiddenSize(), arena, true);
      return new TrainableModel(tensors, backbone, dense, config.dropout());
    }
  }

  /** Values in a row. */
  public int dim() {
    return head == null ? backbone.hiddenSize() : head.dim();
  }

  /** Values in a hidden state. */
  public int hiddenSize() {
    return backbone.hiddenSize();
  }

  /** The longest sequence that the model reads. */
  public int maxLength() {
    return backbone.maxLength();
  }

  /** One more than the largest token id that the model knows. */
  public int vocabularySize() {
    return backbone.vocabularySize();
  }

  /** The languages that the model tells apart, in order; empty if it reads all alike. */
  public List<String> languages() {
    return backbone.languages();
  }

  /** The dropout that the checkpoint was trained with. */
  public Dropout statedDropout() {
    return stated;
  }

  /** The parameters that take gradients, by names that tell them apart, in a fixed order. */
  public Map<String, Tensor> trained() {
    Map<String, Tensor> trained = new LinkedHashMap<>();
    if (tensors.trains()) {
      trained.putAll(tensors.read());
    }
    if (head != null) {
      int layer = 0;
      for (Parameters dense : head.parameters()) {
        String name = "head." + layer++ + ".";
        dense.read().forEach((tensor, values) -> trained.put(name + tensor, values));
      }
    }
    return Collections.unmodifiableMap(trained);
  }

  /**
   * The hidden states that the sequences keep, one sequence after another; of the caller's pointer
   * scope, with a graph unless the backbone is frozen.
   *
   * @param language index into {@link #languages}; 0 where that is empty
   * @param dropout what to leave out; a frozen backbone leaves out nothing
   * @return float32 [rows kept, hiddenSize]
   */
  public Tensor hidden(List<TokenSequence> sequences, int language, Dropout dropout) {
    Dropout applied = tensors.trains() ? dropout : Dropout.NONE;
    List<int[]> batches = LengthBatches.of(sequences, BATCH_TOKENS);
    TensorVector parts = new TensorVector();
    for (int[] members : batches) {
      PaddedBatch batch = PaddedBatch.of(IntStream.of(members).mapToObj(sequences::get).toList());
      Tensor hidden = backbone.forward(batch.input(language, applied));
      parts.push_back(hidden.index_select(0, Torch.longs(batch.kept(), batch.kept().length)));
    }
    long[] places = places(sequences, batches);
    return torch.cat(parts).index_select(0, Torch.longs(places, places.length));
  }

  /** Where each row of the sequences lies when they follow each other as in the batches. */
  private static long[] places(List<TokenSequence> sequences, List<int[]> batches) {
    long[] first = new long[sequences.size()];
    long rows = 0;
    for (int[] batch : batches) {
      for (int sequence : batch) {
        first[sequence] = rows;
        rows += sequences.get(sequence).kept().length;
      }
    }
    return IntStream.range(0, first.length)
        .boxed()
        .flatMapToLong(s -> LongStream.range(first[s], first[s] + sequences.get(s).kept().length))
        .toArray();
  }

  /**
   * Token embeddings of hidden states.
   *
   * @param hidden float32 [rows, hiddenSize]
   * @return float32 [rows, dim], every row of unit length
   */
  public Tensor project(Tensor hidden) {
    Tensor values = head == null ? hidden : head.apply(hidden);
    // Not in place: gradients need both the values and their lengths.
    Tensor lengths = values.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true);
    return values.div(lengths.clamp_min(new Scalar(1e-12)));
  }

  @Override
  public void close() {
    tensors.close();
    if (head != null) {
      head.close();
    }
  }
}
