package dev.tartan.encode.model;

import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * A backbone with a classification head of one output on its first token: pairs of texts in, a
 * score each out. Safe for concurrent use; {@link #close} waits for calls in flight.
 */
public final class PairScorer implements AutoCloseable {
  private final Model model;
  private final Linear pooler;
  private final Linear classifier;

  private PairScorer(Model model, Linear pooler, Linear classifier) {
    this.model = model;
    this.pooler = pooler;
    this.classifier = classifier;
  }

  /**
   * Builds a model.
   *
   * @param arena holds all weights; owned by the result from here on, so of the shared kind
   * @throws TartanException if it is no sequence classification with one output of BERT or
   *     (XLM-)RoBERTa, or a tensor is missing or misshapen
   */
  public static PairScorer open(ModelConfig config, Weights weights, Arena arena) {
    boolean isBert = config.modelType().equals("bert");
    String pooler = isBert ? "bert.pooler.dense" : "classifier.dense";
    String classifier = isBert ? "classifier" : "classifier.out_proj";
    if (!weights.names().contains(classifier + ".weight")
        || !List.of("bert", "roberta", "xlm-roberta", "camembert").contains(config.modelType())) {
      throw new TartanException(
          "%s is no cross-encoder: a BERT or XLM-RoBERTa with a tensor '%s.weight' is"
              .formatted(weights.source(), classifier));
    }
    Model model = Model.open(config, weights, 0, arena);
    int hidden = model.backbone().hiddenSize();
    Parameters parameters = model.parameters();
    int outputs = parameters.extent(classifier + ".weight", 0);
    if (outputs != 1) {
      throw new TartanException(
          "%s has %d outputs a pair; a cross-encoder has one".formatted(weights.source(), outputs));
    }
    try (PointerScope _ = new PointerScope()) {
      return new PairScorer(
          model,
          Linear.of(parameters, pooler, hidden, hidden),
          Linear.of(parameters, classifier, 1, hidden));
    }
  }

  /** The longest sequence that the model reads. */
  public int maxLength() {
    return model.backbone().maxLength();
  }

  /** One more than the largest token id that the model knows. */
  public int vocabularySize() {
    return model.backbone().vocabularySize();
  }

  /**
   * The logit of each pair.
   *
   * @param pairs sequences that keep their first row alone
   * @throws TartanException if LibTorch fails, or if the weights hold what is no number
   * @throws IllegalStateException if the model is closed
   */
  public float[] score(List<TokenSequence> pairs) {
    PaddedBatch batch = PaddedBatch.of(pairs);
    float[] logits = new float[pairs.size()];
    model.run(
        batch,
        0,
        hidden -> classify(hidden, batch),
        values -> MemorySegment.copy(values, Layouts.F32, 0, logits, 0, logits.length));
    return logits;
  }

  private Tensor classify(Tensor hidden, PaddedBatch batch) {
    Tensor first = hidden.index_select(0, Torch.longs(batch.kept(), batch.kept().length));
    return classifier.apply(Activation.TANH.apply(pooler.apply(first)));
  }

  @Override
  public void close() {
    model.close(null);
  }
}
