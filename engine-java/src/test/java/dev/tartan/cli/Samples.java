package dev.tartan.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.compute.cpu.CpuKernels;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyWriter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Small inputs for the command line, and indexes of them that tests share and only read. */
final class Samples {
  static final int DOCUMENTS = 40;
  private static final int CHARACTERS = 300;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static @Nullable Path textIndex;
  private static @Nullable Path embeddingIndex;

  private Samples() {}

  /** The starts of the first abstracts of the demo, as JSONL. */
  static List<String> abstracts(int count) {
    List<String> lines = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(
                    Main.class.getResourceAsStream("/dev/tartan/demo/scifact-sample.jsonl")),
                StandardCharsets.UTF_8))) {
      for (String line = in.readLine();
          line != null && lines.size() < count;
          line = in.readLine()) {
        JsonNode record = JSON.readTree(line);
        String text = record.path("text").asText();
        ObjectNode shorter = JSON.createObjectNode();
        shorter.put("_id", record.path("_id").asText());
        shorter.put("title", record.path("title").asText());
        shorter.put("text", text.substring(0, Math.min(CHARACTERS, text.length())));
        lines.add(JSON.writeValueAsString(shorter));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return lines;
  }

  /** An index of {@link #DOCUMENTS} abstracts by tartan-mini; do not write to it. */
  static synchronized Path textIndex() throws IOException {
    if (textIndex == null) {
      Path directory = Files.createTempDirectory("tartan-cli-test-");
      Path collection = Files.write(directory.resolve("docs.jsonl"), abstracts(DOCUMENTS));
      Path index = directory.resolve("index");
      Typed.run("index", "--collection", collection, "--index", index).ok();
      textIndex = index;
    }
    return textIndex;
  }

  /** An index of random embeddings of dim 16, 30 passages of 4 tokens; do not write to it. */
  static synchronized Path embeddingIndex() throws IOException {
    if (embeddingIndex == null) {
      Path directory = Files.createTempDirectory("tartan-cli-test-");
      embeddingIndex = directory.resolve("index");
      indexEmbeddings(directory, embeddingIndex).ok();
    }
    return embeddingIndex;
  }

  /** Makes an index as {@link #embeddingIndex()} at {@code index}. */
  static Typed indexEmbeddings(Path directory, Path index, Object... more) {
    Path rows = rows(directory.resolve("rows.npy"), 120, 16);
    Path lengths = lengths(directory.resolve("lengths.npy"), 30, 4);
    List<Object> args = new ArrayList<>(List.of("index", "--embeddings", rows));
    args.addAll(List.of("--doclens", lengths, "--index", index));
    args.addAll(List.of(more));
    return Typed.run(args.toArray());
  }

  static Path rows(Path path, int rows, int dim) {
    SplittableRandom random = new SplittableRandom(5);
    try (Arena arena = Arena.ofConfined();
        NpyWriter file = new NpyWriter(path, DType.F32, dim)) {
      Matrix matrix = Matrix.allocate(arena, rows, dim);
      for (int r = 0; r < rows; r++) {
        for (int d = 0; d < dim; d++) {
          matrix.set(r, d, (float) random.nextGaussian());
        }
      }
      file.writeRows(matrix);
    }
    return path;
  }

  static Path lengths(Path path, int passages, int length) {
    try (NpyWriter file = new NpyWriter(path, DType.I32)) {
      for (int p = 0; p < passages; p++) {
        file.writeInt(length);
      }
    }
    return path;
  }

  /** Copies the files of {@code index} to a new directory {@code copy}. */
  static Path copy(Path index, Path copy) throws IOException {
    Files.createDirectories(copy);
    for (Path file : files(index)) {
      Files.copy(file, copy.resolve(file.getFileName()));
    }
    return copy;
  }

  static List<Path> files(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }

  static boolean kernels() {
    return CpuKernels.problem() == null;
  }
}
