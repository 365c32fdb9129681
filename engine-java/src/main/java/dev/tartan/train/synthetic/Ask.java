package dev.tartan.train.synthetic;

import java.util.ArrayList;
import java.util.List;

/** A passage that a prompt is put to. */
public record Ask(Prompt prompt, Passage passage) {
  /** Every prompt with every passage. */
  public static List<Ask> all(List<Prompt> prompts, List<Passage> passages) {
    return spread(prompts, passages, prompts.size());
  }

  /**
   * Some prompts with every passage, each used equally often.
   *
   * @param each prompts a passage, at most all
   */
  public static List<Ask> spread(List<Prompt> prompts, List<Passage> passages, int each) {
    List<Ask> asks = new ArrayList<>();
    for (int p = 0; p < passages.size(); p++) {
      for (int i = 0; i < each; i++) {
        asks.add(new Ask(prompts.get((p * each + i) % prompts.size()), passages.get(p)));
      }
    }
    return asks;
  }
}
