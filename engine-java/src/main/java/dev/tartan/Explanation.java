package dev.tartan;

import java.util.List;

/**
 * Why a hit has its score: for each query token the passage token that it matched best. The score
 * is the sum of the similarities.
 *
 * @param hitId the document
 * @param passageTokens all tokens of the passage that are indexed
 * @param matches one for each query token, in order
 */
public record Explanation(String hitId, List<String> passageTokens, List<Match> matches) {
  /**
   * One query token.
   *
   * @param passageToken position among the tokens of the passage
   * @param similarity at most 1 where both rows are of unit length
   */
  public record Match(String queryToken, int passageToken, float similarity) {}

  /** The sum of the similarities. */
  public double score() {
    return matches.stream().mapToDouble(Match::similarity).sum();
  }
}
