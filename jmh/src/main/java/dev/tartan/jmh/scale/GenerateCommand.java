package dev.tartan.jmh.scale;

import dev.tartan.compute.Backend;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.NpyWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code ./tartan bench generate}: token embeddings like real ones, of any number. */
@Command(
    name = "./tartan bench generate",
    synopsisSubcommandLabel = "fit|compare|write",
    subcommands = CommandLine.HelpCommand.class,
    description = "Generates token embeddings that are like those of a real collection.")
@SuppressWarnings("NullAway.Init") // picocli sets the fields
public final class GenerateCommand {
  private static final int CHUNK = 1 << 15;

  private GenerateCommand() {}

  public static void main(String[] args) {
    System.exit(Commands.run(new GenerateCommand(), args));
  }

  /** A real collection, as 'tartan encode' writes it. */
  static final class Real {
    @Option(names = "--embeddings", required = true, description = "NPY [tokens, dim].")
    Path embeddings;

    @Option(names = "--doclens", required = true, description = "NPY [passages].")
    Path doclens;

    @Option(
        names = "--query-embeddings",
        required = true,
        description = "NPY [queries, rows, dim]; rows of zeros are none.")
    Path queries;

    @Option(
        names = "--passages",
        description = "Passages of it to use, evenly spaced (default: ${DEFAULT-VALUE}).")
    int passages = 20_000;

    Passages readPassages() {
      try (NpyEmbeddings source = new NpyEmbeddings(embeddings, doclens)) {
        return Passages.of(source, passages);
      }
    }

    List<float[]> readQueries() {
      List<float[]> all = new ArrayList<>();
      try (NpyFile file = NpyFile.open(queries);
          Arena arena = Arena.ofConfined()) {
        long[] shape = file.expect("--query-embeddings", 3, DType.F16, DType.F32).shape();
        int dim = Math.toIntExact(shape[2]);
        Matrix query = Matrix.allocate(arena, shape[1], dim);
        for (long q = 0; q < shape[0]; q++) {
          file.readFloats(q * shape[1] * dim, shape[1] * dim, query.data());
          float[] rows = Vectors.floats(query);
          int used = 0;
          while (used < shape[1] && Vectors.normalize(rows, used * dim, dim) > 0) {
            used++;
          }
          all.add(Arrays.copyOf(rows, used * dim));
        }
      }
      return all;
    }
  }

  @Command(name = "fit", description = "Fits a model to a real collection.")
  void fit(
      @Mixin Real real,
      @Option(names = "--model", required = true, description = "The folder to write.") Path model)
      throws IOException {
    Passages passages = real.readPassages();
    try (Backend backend = Commands.backend(Commands.processors())) {
      CorpusModel fitted = CorpusFit.fit(passages, real.readQueries(), backend);
      fitted.save(model);
      System.out.printf(
          Locale.ROOT,
          "%,d passages, %,d tokens, %,d types%n",
          fitted.templates(),
          fitted.codes().length,
          fitted.types().length / fitted.dim());
    }
  }

  @Command(
      name = "compare",
      description = "Measures a real collection and as many generated passages.")
  void compare(
      @Mixin Real real,
      @Mixin Generated generated,
      @Option(
              names = "--queries",
              paramLabel = "N",
              defaultValue = "200",
              description = "How many (default: ${DEFAULT-VALUE}).")
          int count)
      throws IOException {
    Passages passages = real.readPassages();
    GeneratedCorpus corpus = generated.corpus(passages.passages());
    Path folder = Files.createTempDirectory("tartan-compare");
    try (Backend backend = Commands.backend(Commands.processors());
        Arena arena = Arena.ofShared()) {
      List<float[]> all = real.readQueries();
      List<Matrix> queries = new ArrayList<>();
      for (int q = 0; q < Math.min(count, all.size()); q++) {
        float[] query = all.get((int) ((long) q * all.size() / Math.min(count, all.size())));
        queries.add(Vectors.matrix(query, passages.dim(), arena));
      }
      Map<String, Double> left = Likeness.of(passages, queries, backend, folder.resolve("real"));
      Map<String, Double> right =
          Likeness.of(
              Passages.of(corpus, corpus.passages()),
              new GeneratedQueries(corpus).draw(count, 0, arena),
              backend,
              folder.resolve("generated"));
      System.out.printf("| %,d passages | real | generated | ratio |%n", passages.passages());
      System.out.println("|---|---|---|---|");
      left.forEach(
          (name, value) ->
              System.out.printf(
                  Locale.ROOT,
                  "| %s | %.4g | %.4g | %.2f |%n",
                  name,
                  value,
                  right.get(name),
                  right.get(name) / value));
    } finally {
      Commands.delete(folder);
    }
  }

  @Command(name = "write", description = "Writes generated passages and queries as NPY files.")
  void write(
      @Mixin Generated generated,
      @Option(names = "--passages", required = true, description = "How many.") int passages,
      @Option(names = "--out", required = true, description = "NPY [tokens, dim] to write.")
          Path out,
      @Option(names = "--doclens", required = true, description = "NPY [passages] to write.")
          Path doclens,
      @Option(names = "--query-out", description = "NPY [1000, 32, dim] to write.") Path queryOut) {
    GeneratedCorpus corpus = generated.corpus(passages);
    ThreadMXBean clock = ManagementFactory.getThreadMXBean();
    long start = clock.getCurrentThreadCpuTime();
    try (NpyWriter rows = new NpyWriter(out, DType.F16, corpus.dim());
        NpyWriter lengths = new NpyWriter(doclens, DType.I32);
        Arena arena = Arena.ofConfined()) {
      Matrix chunk = Matrix.allocate(arena, CHUNK, corpus.dim());
      for (long first = 0; first < corpus.tokens(); first += CHUNK) {
        Matrix part = chunk.slice(0, Math.min(CHUNK, corpus.tokens() - first));
        corpus.read(first, part);
        rows.writeRows(part);
      }
      int[] all = new int[passages];
      Arrays.setAll(all, corpus::doclen);
      lengths.writeInts(all);
      if (queryOut != null) {
        try (NpyWriter queries = new NpyWriter(queryOut, DType.F16, 32, corpus.dim())) {
          new GeneratedQueries(corpus).draw(1000, 32, arena).forEach(queries::writeRows);
        }
      }
    }
    double seconds = (clock.getCurrentThreadCpuTime() - start) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "%,d tokens, %,.0f a second of processor time%n",
        corpus.tokens(),
        corpus.tokens() / seconds);
  }
}
