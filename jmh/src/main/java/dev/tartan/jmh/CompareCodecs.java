package dev.tartan.jmh;

import dev.tartan.Backends;
import dev.tartan.codec.CodecTrainer;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Measure;
import dev.tartan.collection.Metrics;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Ranked;
import dev.tartan.collection.Run;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * What each codec keeps of the embeddings of an input folder of {@code jmh/peers/prepare.py}: all
 * passages are scored with the reconstructed embeddings and compared with float MaxSim, so that no
 * search is in the way. The centroids of all rows of a table are the same k-means, as an index
 * would have them.
 *
 * <pre>
 * ./tartan bench codec [--queries N] INPUT...
 * </pre>
 */
public final class CompareCodecs {
  private static final int[] BITS = {1, 2, 3, 4, 8};
  private static final int SAMPLE_SEED = 5;

  private final CompareInput input;
  private final Backend backend;
  private final int most;

  private CompareCodecs(Path folder, Backend backend, int most) {
    this.input = new CompareInput(folder);
    this.backend = backend;
    this.most = most;
  }

  public static void main(String[] args) throws IOException {
    boolean limited = args.length > 2 && args[0].equals("--queries");
    int most = limited ? Integer.parseInt(args[1]) : Integer.MAX_VALUE;
    List<String> inputs = List.of(args).subList(limited ? 2 : 0, args.length);
    if (inputs.isEmpty()) {
      System.err.println("usage: ./tartan bench codec [--queries N] INPUT...");
      System.exit(2);
    }
    try (Backend backend =
        Backends.open("cpu", Runtime.getRuntime().availableProcessors(), System.err::println)) {
      for (String input : inputs) {
        new CompareCodecs(Path.of(input), backend, most).run();
      }
    }
  }

  private void run() throws IOException {
    try (Arena arena = Arena.ofShared();
        NpyEmbeddings source = new NpyEmbeddings(input.embeddings(), input.doclens())) {
      List<Matrix> all = input.queries(arena);
      List<Matrix> queries = all.subList(0, Math.min(most, all.size()));
      CodecTrial trial = new CodecTrial(source, queries, backend);
      int centroids = CodecTrainer.defaultCentroids(source.tokens());
      System.out.printf(
          Locale.ROOT,
          "%s: %,d tokens, %,d passages, %,d centroids, %d queries%n",
          input.folder().getFileName(),
          source.tokens(),
          source.passages(),
          centroids,
          queries.size());
      System.out.printf(
          "%-10s %4s %10s %8s %9s %10s %8s %8s%n",
          "codec", "bits", "error", "cosine", "recall@10", "recall@100", "nDCG@10", "bytes");
      CodecTrainer trainer = new CodecTrainer(backend, Progress.NONE);
      CodecTrainer.Clusters clusters =
          trainer.cluster(sample(source, centroids, arena), centroids, arena);
      CodecTrial.Outcome exact = trial.exact();
      print("float", 32, exact, exact, 4.0 * source.dim());
      int[] codes = trial.codes(clusters.centroids());
      for (int bits : BITS) {
        for (ResidualCodec.Kind kind : ResidualCodec.Kind.values()) {
          ResidualCodec codec = trainer.train(clusters, kind, bits, arena);
          double bytes = codec.codeType().bytes() + codec.residualBytes() + Short.BYTES;
          print(kind.label(), bits, trial.of(codec, codes), exact, bytes);
        }
      }
    }
  }

  /** As an index draws it, but from all tokens in memory order: every one with the same chance. */
  private static Matrix sample(NpyEmbeddings source, int centroids, Arena arena) {
    long count = Math.min(source.tokens(), (long) centroids * CodecTrainer.ROWS_PER_CENTROID);
    SplittableRandom random = new SplittableRandom(SAMPLE_SEED);
    long[] rows = random.longs(0, source.tokens()).distinct().limit(count).toArray();
    Matrix sample = Matrix.allocate(arena, count, source.dim());
    for (int i = 0; i < count; i++) {
      source.read(rows[i], sample.slice(i, 1));
    }
    sample.normalizeRows(source.name(), 0);
    return sample;
  }

  private void print(
      String name, int bits, CodecTrial.Outcome outcome, CodecTrial.Outcome exact, double bytes)
      throws IOException {
    System.out.printf(
        Locale.ROOT,
        "%-10s %4d %10.6f %8.5f %9.4f %10.4f %8s %8.1f%n",
        name,
        bits,
        outcome.error(),
        outcome.cosine(),
        recall(outcome, exact, 10),
        recall(outcome, exact, 100),
        ndcg(outcome),
        bytes);
  }

  private static double recall(CodecTrial.Outcome found, CodecTrial.Outcome exact, int depth) {
    double sum = 0;
    for (int q = 0; q < exact.best().size(); q++) {
      List<Integer> wanted = exact.best().get(q).subList(0, depth);
      Set<Integer> common = new HashSet<>(found.best().get(q).subList(0, depth));
      common.retainAll(wanted);
      sum += (double) common.size() / depth;
    }
    return sum / exact.best().size();
  }

  private String ndcg(CodecTrial.Outcome outcome) throws IOException {
    Qrels qrels = input.qrels();
    if (qrels == null) {
      return "-";
    }
    List<String> queryIds = input.queryIds();
    List<String> passageIds = input.passageIds();
    Map<String, Map<String, Integer>> grades = new LinkedHashMap<>();
    Map<String, List<Ranked>> rankings = new LinkedHashMap<>();
    for (int q = 0; q < outcome.best().size(); q++) {
      List<Ranked> ranking = new ArrayList<>();
      for (int passage : outcome.best().get(q)) {
        ranking.add(new Ranked(passageIds.get(passage), -ranking.size()));
      }
      rankings.put(queryIds.get(q), ranking);
      grades.put(queryIds.get(q), qrels.judgements(queryIds.get(q)));
    }
    double mean = Metrics.of(Qrels.of(grades), Run.of(rankings)).mean(Measure.NDCG_AT_10);
    return String.format(Locale.ROOT, "%.4f", mean);
  }
}
