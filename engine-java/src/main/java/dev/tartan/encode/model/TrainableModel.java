package dev.tartan.encode.model;

import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The model of {@link TokenEmbedder} with parameters that take gradients. They share the memory of
 * its weights, so what an optimiser writes there is seen by the next call. Calls may run on several
 * threads, but not while parameters change.
 */
public final class TrainableModel implements AutoCloseable {
  /** Token places of a batch, a bound on what padding costs. */
  private static final int BATCH_TOKENS = 4096;

  private final Parameters backboneTensors;
  private final Parameters headTensors;
  private final Backbone backbone;
  private final Projection head;
  private final boolean frozenBackbone;

  private TrainableModel(Parameters backboneTensors, Parameters headTensors, Backbone backbone) {
    this.backboneTensors = backboneTensors;
    this.headTensors = headTensors;
    this.backbone = backbone;
    this.head = new Projection(headTensors, backbone.hiddenSize());
    this.frozenBackbone = !backboneTensors.trains();
  }

  /**
   * Builds a model.
   *
   * @param weights the backbone's tensors, and {@code linear.weight} [dim, hidden]
   * @param layers the layers of the backbone to run; 0 for all
   * @param frozenBackbone whether only the projection takes gradients
   * @param arena for what is computed at loading; outlives the model, like the weights' memory
   * @throws TartanException as {@link TokenEmbedder#open}
   */
  public static TrainableModel open(
      ModelConfig config, MemoryWeights weights, int layers, boolean frozenBackbone, Arena arena) {
    Torch.load();
    try (PointerScope _ = new PointerScope()) {
      Parameters tensors = new Parameters(weights, arena, !frozenBackbone);
      Backbone backbone = TokenEmbedder.open(config, tensors, layers);
      return new TrainableModel(tensors, new Parameters(weights, arena, true), backbone);
    }
  }

  /** Values in a row. */
  public int dim() {
    return head.dim();
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

  /** Whether only the projection takes gradients. */
  public boolean frozenBackbone() {
    return frozenBackbone;
  }

  /** The parameters that take gradients, by their names, in a fixed order. */
  public Map<String, Tensor> trained() {
    Map<String, Tensor> trained = new LinkedHashMap<>();
    if (!frozenBackbone) {
      trained.putAll(backboneTensors.read());
    }
    trained.putAll(headTensors.read());
    return Collections.unmodifiableMap(trained);
  }

  /**
   * The hidden states that the sequences keep, one sequence after another; of the caller's pointer
   * scope, with a graph unless the backbone is frozen.
   *
   * @return float32 [rows kept, hiddenSize]
   */
  public Tensor hidden(List<TokenSequence> sequences, Dropout dropout) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, sequences.size()).boxed().toList());
    order.sort(Comparator.comparingInt(i -> -sequences.get(i).length()));
    TensorVector parts = new TensorVector();
    for (int from = 0; from < order.size(); ) {
      int longest = Math.max(1, sequences.get(order.get(from)).length());
      int to = Math.min(order.size(), from + Math.max(1, BATCH_TOKENS / longest));
      parts.push_back(batch(order.subList(from, to).stream().map(sequences::get).toList(), dropout));
      from = to;
    }
    long[] places = places(sequences, order);
    return torch.cat(parts).index_select(0, Torch.longs(places, places.length));
  }

  private Tensor batch(List<TokenSequence> sequences, Dropout dropout) {
    PaddedBatch batch = PaddedBatch.of(sequences);
    Tensor ids = Torch.longs(batch.ids(), batch.sequences(), batch.length());
    Tensor mask =
        batch.isPadded()
            ? Torch.floats(batch.mask(), batch.sequences(), 1, 1, batch.length())
            : new Tensor();
    Tensor hidden = backbone.forward(ids, mask, dropout);
    return hidden.index_select(0, Torch.longs(batch.kept(), batch.kept().length));
  }

  /** Where each row of the sequences lies when they follow each other in {@code order}. */
  private static long[] places(List<TokenSequence> sequences, List<Integer> order) {
    long[] first = new long[sequences.size()];
    long rows = 0;
    for (int sequence : order) {
      first[sequence] = rows;
      rows += sequences.get(sequence).kept().length;
    }
    return IntStream.range(0, sequences.size())
        .boxed()
        .flatMapToLong(
            s ->
                java.util.stream.LongStream.range(
                    first[s], first[s] + sequences.get(s).kept().length))
        .toArray();
  }

  /**
   * Token embeddings of hidden states.
   *
   * @param hidden float32 [rows, hiddenSize]
   * @return float32 [rows, dim], every row of unit length
   */
  public Tensor project(Tensor hidden) {
    Tensor values = head.apply(hidden);
    // Not in place: gradients need both the values and their lengths.
    Tensor lengths = values.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true);
    return values.div(lengths.clamp_min(new Scalar(1e-12)));
  }

  @Override
  public void close() {
    backboneTensors.close();
    headTensors.close();
  }
}
