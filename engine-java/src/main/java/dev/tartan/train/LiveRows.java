package dev.tartan.train;

import dev.tartan.encode.model.Dropout;
import dev.tartan.encode.model.TrainableModel;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.encode.text.TokenSequence;
import java.util.List;

/**
 * Runs the whole model for every text.
 *
 * @param inputs what the model reads of a text
 * @param language index into the model's
 * @param dropout what to leave out
 */
record LiveRows(TrainableModel model, ColbertInputs inputs, int language, Dropout dropout)
    implements TextRows {
  @Override
  public Rows queries(List<String> texts) {
    return rows(texts.stream().map(inputs::query).toList());
  }

  @Override
  public Rows passages(List<String> texts) {
    return rows(texts.stream().map(inputs::passage).toList());
  }

  private Rows rows(List<TokenSequence> sequences) {
    return new Rows(
        model.project(model.hidden(sequences, language, dropout)),
        sequences.stream().mapToInt(sequence -> sequence.kept().length).toArray());
  }

  @Override
  public void close() {}
}
