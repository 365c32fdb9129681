package dev.tartan.jmh.scale;

import dev.tartan.compute.Backend;
import dev.tartan.jmh.CompareInput;
import dev.tartan.memory.Matrix;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.search.Selection;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./tartan bench filters}: recall and time of searches of a share of the passages. */
@Command(
    name = "./tartan bench filters",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Searches a share of an index's documents: drawn by chance, and those nearest to a random topic, with",
      "which a filter goes along or against the query. Recall is that of the exact best of the share.",
    })
@SuppressWarnings("NullAway.Init") // picocli sets the fields
public final class FilterCommand implements Callable<Integer> {
  private static final double[] SHARES = {0.5, 0.1, 0.01, 0.001};
  private static final int TOPICS = 5;

  @Option(names = "--index", required = true, description = "An index of one segment.")
  Path index;

  @Option(
      names = "--queries",
      required = true,
      description = "A folder with queries.npy [queries, rows, dim]; QUERIES says how many.")
  Path queries;

  @Option(names = "-k", description = "Default: ${DEFAULT-VALUE}.", defaultValue = "10")
  int k;

  private final SplittableRandom random = new SplittableRandom(4);

  private FilterCommand() {}

  public static void main(String[] args) {
    System.exit(Commands.run(new FilterCommand(), args));
  }

  @Override
  public Integer call() {
    try (Arena arena = Arena.ofShared();
        Backend one = Commands.backend(1);
        Snapshot snapshot = Snapshot.open(index);
        Searcher searcher = new Searcher(snapshot, one)) {
      List<Matrix> all = new CompareInput(queries).queries(arena);
      Segment segment = snapshot.segments().getFirst();
      float[][] means = means(searcher, segment, arena);
      System.out.println("share      drawn    recall   p50 ms");
      measure(searcher, all, null, "all");
      for (double share : SHARES) {
        Selection chance = Selection.of(snapshot, _ -> _ -> random.nextDouble() < share);
        measure(searcher, all, chance, share + "   by chance");
        List<double[]> sums = new ArrayList<>();
        for (int t = 0; t < TOPICS; t++) {
          sums.add(result(searcher, all, topic(snapshot, means, share)));
        }
        print(
            share + "   by topic",
            sums.stream().mapToDouble(s -> s[0]).average().orElseThrow(),
            sums.stream().mapToDouble(s -> s[1]).average().orElseThrow());
      }
    }
    return 0;
  }

  /** The share of documents whose mean lies farthest in a direction between two of them. */
  private Selection topic(Snapshot snapshot, float[][] means, double share) {
    float[] a = means[random.nextInt(means.length)];
    float[] b = means[random.nextInt(means.length)];
    double[] along = new double[means.length];
    for (int d = 0; d < along.length; d++) {
      for (int i = 0; i < a.length; i++) {
        along[d] += (double) means[d][i] * (a[i] - b[i]);
      }
    }
    double[] sorted = along.clone();
    Arrays.sort(sorted);
    double least = sorted[(int) ((1 - share) * (sorted.length - 1))];
    return Selection.of(snapshot, _ -> document -> along[document] >= least);
  }

  private static float[][] means(Searcher searcher, Segment segment, Arena arena) {
    return IntStream.range(0, segment.passages())
        .mapToObj(
            p -> {
              try (Arena own = Arena.ofConfined()) {
                Matrix rows = searcher.tokens(segment, p, own);
                float[] mean = new float[rows.dim()];
                for (int r = 0; r < rows.rows(); r++) {
                  for (int d = 0; d < mean.length; d++) {
                    mean[d] += rows.get(r, d) / rows.rows();
                  }
                }
                return mean;
              }
            })
        .toArray(float[][]::new);
  }

  private void measure(
      Searcher searcher, List<Matrix> all, @Nullable Selection selection, String name) {
    double[] result = result(searcher, all, selection);
    print(name, result[0], result[1]);
  }

  private static void print(String name, double recall, double millis) {
    System.out.printf(Locale.ROOT, "%-18s %8.4f %8.3f%n", name, recall, millis);
  }

  /** Recall and the median time in milliseconds. */
  private double[] result(Searcher searcher, List<Matrix> all, @Nullable Selection selection) {
    SearchOptions options = SearchOptions.top(k);
    int found = 0;
    int wanted = 0;
    double[] millis = new double[all.size()];
    for (int pass = 0; pass < 2; pass++) {
      for (int q = 0; q < all.size(); q++) {
        long start = System.nanoTime();
        searcher.search(all.get(q), options, selection);
        millis[q] = (System.nanoTime() - start) * 1e-6;
      }
    }
    for (Matrix query : all) {
      Set<String> exact = ids(searcher.search(query, SearchOptions.exhaustive(k), selection));
      wanted += exact.size();
      exact.retainAll(ids(searcher.search(query, options, selection)));
      found += exact.size();
    }
    Arrays.sort(millis);
    return new double[] {(double) found / Math.max(1, wanted), millis[(millis.length - 1) / 2]};
  }

  private static Set<String> ids(List<Hit> hits) {
    Set<String> ids = new HashSet<>();
    hits.forEach(hit -> ids.add(hit.id()));
    return ids;
  }
}
