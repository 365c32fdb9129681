package dev.tartan.train;

import dev.tartan.collection.Qrels;
import dev.tartan.collection.Query;
import dev.tartan.collection.TrainingExample;
import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * Makes training examples of judged queries: each relevant passage with passages that a search
 * ranks high but nobody judged relevant.
 *
 * @param negatives of an example
 * @param from the first rank, counted from 0, that negatives are drawn from: those before it are
 *     often relevant without being judged so
 * @param to the rank before which they are drawn
 * @param seed of the draw
 */
public record NegativeMiner(int negatives, int from, int to, long seed) {
  /**
   * Checks the values.
   *
   * @throws TartanException if one makes no sense
   */
  public NegativeMiner {
    if (negatives < 1 || from < 0 || to - from < negatives) {
      throw new TartanException(
          "%d negatives cannot be drawn of the ranks from %d to %d".formatted(negatives, from, to));
    }
  }

  /**
   * Mines.
   *
   * @param search queries to the ids of the best passages for each, best first, at least {@code to}
   *     where there are so many
   * @return an example for each relevant passage of each query, in order; queries whose ranking is
   *     too short for the negatives are left out
   * @throws TartanException if no example comes of it
   */
  public List<TrainingExample> mine(
      List<Query> queries, Qrels qrels, Function<List<String>, List<List<String>>> search) {
    List<Query> judged =
        queries.stream()
            .filter(q -> qrels.judgements(q.id()).values().stream().anyMatch(g -> g > 0))
            .toList();
    if (judged.isEmpty()) {
      throw new TartanException("no query has a relevant passage; are these judgements of them?");
    }
    List<List<String>> rankings = search.apply(judged.stream().map(Query::text).toList());
    SplittableRandom random = new SplittableRandom(seed);
    List<TrainingExample> examples = new ArrayList<>();
    for (int q = 0; q < judged.size(); q++) {
      Map<String, Integer> grades = qrels.judgements(judged.get(q).id());
      List<String> pool =
          rankings.get(q).stream()
              .filter(id -> grades.getOrDefault(id, 0) <= 0)
              .limit(to)
              .skip(from)
              .toList();
      for (Map.Entry<String, Integer> grade : grades.entrySet()) {
        if (grade.getValue() > 0 && pool.size() >= negatives) {
          List<String> passages = new ArrayList<>(List.of(grade.getKey()));
          passages.addAll(draw(pool, random));
          examples.add(new TrainingExample(0, judged.get(q).id(), passages, null));
        }
      }
    }
    if (examples.isEmpty()) {
      throw new TartanException(
          "no query has %d passages from rank %d on; ask for fewer".formatted(negatives, from));
    }
    return examples;
  }

  private List<String> draw(List<String> pool, SplittableRandom random) {
    List<String> left = new ArrayList<>(pool);
    List<String> drawn = new ArrayList<>();
    for (int i = 0; i < negatives; i++) {
      drawn.add(left.remove(random.nextInt(left.size())));
    }
    return drawn;
  }
}
