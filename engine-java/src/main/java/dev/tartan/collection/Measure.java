package dev.tartan.collection;

import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * A measure of one ranking against the judgements of its query, from 0 to 1. A document is relevant
 * from grade 1; one without a judgement is not.
 */
public enum Measure {
  /** Gain (the grade) over log2(rank + 1), summed, divided by that sum of the best order. */
  NDCG_AT_10("nDCG@10") {
    @Override
    double of(List<Ranked> ranking, Map<String, Integer> grades) {
      double ideal =
          discounted(grades.values().stream().sorted(Comparator.reverseOrder()).toList());
      List<Integer> gains = head(ranking, 10).stream().map(hit -> grade(hit, grades)).toList();
      return discounted(gains) / ideal;
    }
  },
  /** One over the rank of the first relevant document, 0 if it is not among ten. */
  MRR_AT_10("MRR@10") {
    @Override
    double of(List<Ranked> ranking, Map<String, Integer> grades) {
      List<Ranked> head = head(ranking, 10);
      for (int i = 0; i < head.size(); i++) {
        if (grade(head.get(i), grades) > 0) {
          return 1.0 / (i + 1);
        }
      }
      return 0;
    }
  },
  /** The share of all relevant documents that is among the first hundred. */
  RECALL_AT_100("Recall@100") {
    @Override
    double of(List<Ranked> ranking, Map<String, Integer> grades) {
      return recall(ranking, grades, 100);
    }
  },
  /** The share of all relevant documents that is among the first thousand. */
  RECALL_AT_1000("Recall@1000") {
    @Override
    double of(List<Ranked> ranking, Map<String, Integer> grades) {
      return recall(ranking, grades, 1000);
    }
  },
  /** 1 if a relevant document is among the first five, else 0. */
  SUCCESS_AT_5("Success@5") {
    @Override
    double of(List<Ranked> ranking, Map<String, Integer> grades) {
      return relevant(head(ranking, 5), grades) > 0 ? 1 : 0;
    }
  };

  private final String label;

  Measure(String label) {
    this.label = label;
  }

  /** The name as the literature writes it, such as {@code nDCG@10}. */
  public String label() {
    return label;
  }

  /** The value of a ranking, best first; {@code grades} holds at least one relevant document. */
  abstract double of(List<Ranked> ranking, Map<String, Integer> grades);

  private static double discounted(List<Integer> gains) {
    double sum = 0;
    for (int i = 0; i < Math.min(10, gains.size()); i++) {
      // Linear gains, as trec_eval and BEIR have them; TREC's negative grades (spam) gain nothing.
      sum += Math.max(0, gains.get(i)) * Math.log(2) / Math.log(i + 2.0);
    }
    return sum;
  }

  private static double recall(List<Ranked> ranking, Map<String, Integer> grades, int depth) {
    long all = grades.values().stream().filter(grade -> grade > 0).count();
    return (double) relevant(head(ranking, depth), grades) / all;
  }

  private static long relevant(List<Ranked> hits, Map<String, Integer> grades) {
    return hits.stream().filter(hit -> grade(hit, grades) > 0).count();
  }

  private static List<Ranked> head(List<Ranked> ranking, int depth) {
    return ranking.subList(0, Math.min(depth, ranking.size()));
  }

  private static int grade(Ranked hit, Map<String, Integer> grades) {
    return grades.getOrDefault(hit.documentId(), 0);
  }
}
