package dev.tartan.search;

/** The stages of a search, in their order. */
public enum Stage {
  CENTROID_SCORES("centroid scores"),
  CANDIDATES("candidates"),
  APPROXIMATE("approximate"),
  MAXSIM("MaxSim"),
  RESCORE("rescored in float"),
  HITS("hits");

  private final String label;

  Stage(String label) {
    this.label = label;
  }

  public String label() {
    return label;
  }
}
