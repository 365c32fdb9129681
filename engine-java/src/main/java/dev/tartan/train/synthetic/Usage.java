package dev.tartan.train.synthetic;

/**
 * Tokens that answers cost.
 *
 * @param prompt tokens read
 * @param completion tokens written
 * @param estimated answers whose server did not say; counted as one token for 4 characters
 */
public record Usage(long prompt, long completion, int estimated) {
  static final Usage NONE = new Usage(0, 0, 0);

  Usage plus(Usage other) {
    return new Usage(
        prompt + other.prompt, completion + other.completion, estimated + other.estimated);
  }

  /** All tokens. */
  public long tokens() {
    return prompt + completion;
  }
}
