package dev.tartan.encode.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Embeddings with learned positions and layers in the manner of BERT, which many models share. */
record PostNormBackbone(Embeddings embeddings, List<PostNormLayer> layers, List<String> languages)
    implements Backbone {

  @Override
  public int hiddenSize() {
    return (int) embeddings.words().size(1);
  }

  @Override
  public int maxLength() {
    return embeddings.longest();
  }

  @Override
  public int vocabularySize() {
    return (int) embeddings.words().size(0);
  }

  @Override
  public Tensor forward(Input input) {
    Tensor x = embeddings.apply(input);
    for (PostNormLayer layer : layers) {
      x = layer.apply(x, input);
    }
    return x;
  }
}
