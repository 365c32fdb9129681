package dev.tartan.train.synthetic;

/** Why an ask gave no query. */
public enum Failure {
  EMPTY("empty answer", true),
  REFUSED("refusal", true),
  CUT_OFF("cut off at max_tokens", true),
  SEVERAL_LINES("several lines", true),
  TOO_LONG("too long for a query", true),
  MARKUP("markup in place of a query", true),
  COPIED("copied from the passage", true),
  ABOUT_PASSAGE("speaks of the passage", true),
  NO_JSON("body is no JSON", true),
  WRONG_SHAPE("body without a message", true),
  ERROR_BODY("error in the body", false),
  REJECTED("request rejected", false),
  BUSY("too many requests", false),
  SERVER("server failure", false),
  TIMED_OUT("no answer in time", false),
  CONNECTION("connection broken", false);

  private final String label;
  private final boolean answered;

  Failure(String label, boolean answered) {
    this.label = label;
    this.answered = answered;
  }

  /** For reports. */
  public String label() {
    return label;
  }

  /** Whether there was an answer, which is paid for: then it is not asked for again. */
  public boolean answered() {
    return answered;
  }
}
