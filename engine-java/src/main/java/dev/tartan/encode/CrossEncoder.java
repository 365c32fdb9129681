package dev.tartan.encode;

import dev.tartan.checkpoint.Weights;
import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.encode.model.PairScorer;
import dev.tartan.encode.text.LengthBatches;
import dev.tartan.encode.text.PairInputs;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Scores a query and a passage read together (1901.04085): better than late interaction and far
 * slower, so it re-ranks a few passages or teaches. BERT and XLM-RoBERTa with a classification head
 * of one output. Safe for concurrent use; a call works on the calling thread.
 */
public final class CrossEncoder implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final PairInputs inputs;
  private final PairScorer scorer;

  private CrossEncoder(Tokenizer tokenizer, PairScorer scorer, int maxLength) {
    this.tokenizer = tokenizer;
    this.scorer = scorer;
    this.inputs = new PairInputs(tokenizer, maxLength);
  }

  /** As {@link #open(String, int)} with pairs as long as the model reads, at most 512 tokens. */
  public static CrossEncoder open(String model) {
    return open(model, 0);
  }

  /**
   * Opens a model.
   *
   * @param model the folder of a Hugging Face checkpoint for sequence classification, or its name
   *     on the hub
   * @param maxLength the most tokens of a pair, special ones included; 0 for 512 or as many as the
   *     model reads
   * @throws TartanException if there is no such model, or one of its files is missing, damaged or
   *     of a kind that is not supported
   */
  public static CrossEncoder open(String model, int maxLength) {
    return open(model, maxLength, Hub.ofEnvironment(Progress.NONE));
  }

  /**
   * As {@link #open(String, int)}.
   *
   * @param hub where a model comes from that is no folder
   */
  public static CrossEncoder open(String model, int maxLength, Hub hub) {
    ModelFolder found = ModelFolder.find(model, hub);
    Path folder = found.path();
    Arena arena = Arena.ofShared();
    Tokenizer tokenizer = null;
    try {
      tokenizer = found.tokenizer();
      PairScorer scorer =
          PairScorer.open(Checkpoint.architecture(folder), Weights.open(folder, arena), arena);
      int length = maxLength == 0 ? Math.min(512, scorer.maxLength()) : maxLength;
      if (length < 8 || length > scorer.maxLength()) {
        throw new TartanException(
            "%s: pairs of %d tokens; from 8 to %d can be read"
                .formatted(folder, length, scorer.maxLength()));
      }
      tokenizer.requireFits(scorer.vocabularySize());
      return new CrossEncoder(tokenizer, scorer, length);
    } catch (RuntimeException e) {
      arena.close();
      if (tokenizer != null) {
        tokenizer.close();
      }
      throw e;
    }
  }

  /**
   * How well each passage answers {@code query}: the model's output as it is, without a sigmoid.
   *
   * @return as many values as {@code passages}, in their order
   */
  public float[] scores(String query, List<String> passages) {
    return scores(Collections.nCopies(passages.size(), query), passages);
  }

  /**
   * How well each passage answers the query of the same place.
   *
   * @return as many values as there are pairs, in their order
   */
  public float[] scores(List<String> queries, List<String> passages) {
    List<TokenSequence> pairs = new ArrayList<>();
    for (int i = 0; i < passages.size(); i++) {
      pairs.add(inputs.pair(queries.get(i), passages.get(i)));
    }
    float[] scores = new float[pairs.size()];
    for (int[] batch : LengthBatches.of(pairs, ColbertEncoder.BATCH_TOKENS)) {
      float[] values = scorer.score(IntStream.of(batch).mapToObj(pairs::get).toList());
      for (int i = 0; i < values.length; i++) {
        scores[batch[i]] = values[i];
      }
    }
    return scores;
  }

  @Override
  public void close() {
    scorer.close();
    tokenizer.close();
  }
}
