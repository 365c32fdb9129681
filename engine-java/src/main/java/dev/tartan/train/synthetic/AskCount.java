package dev.tartan.train.synthetic;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What became of asks: planned = answered + failed + not asked.
 *
 * @param answered with a query
 * @param failedBy reason to number
 * @param notAsked held back by the budget or a failure
 */
public record AskCount(
    int planned, int answered, int failed, Map<String, Integer> failedBy, int notAsked) {
  /** Counts by what the journal says last. */
  public static AskCount of(List<Ask> asks, Journal journal) {
    Map<Failure, Integer> reasons = new EnumMap<>(Failure.class);
    int answered = 0;
    int notAsked = 0;
    for (Ask ask : asks) {
      Journal.Entry entry = journal.find(ask);
      if (entry == null) {
        notAsked++;
      } else if (entry.failure() == null) {
        answered++;
      } else {
        reasons.merge(entry.failure(), 1, Integer::sum);
      }
    }
    Map<String, Integer> labelled = new LinkedHashMap<>();
    reasons.forEach((reason, count) -> labelled.put(reason.label(), count));
    int failed = asks.size() - answered - notAsked;
    return new AskCount(asks.size(), answered, failed, labelled, notAsked);
  }
}
