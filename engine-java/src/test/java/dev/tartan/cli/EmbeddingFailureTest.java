package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes wrong with brought embeddings and with index directories. */
class EmbeddingFailureTest {
  @TempDir Path directory;
  private Path rows;
  private Path lengths;

  @BeforeEach
  void write() {
    rows = Samples.rows(directory.resolve("rows.npy"), 40, 16);
    lengths = Samples.lengths(directory.resolve("lengths.npy"), 10, 4);
  }

  private Typed index(Object... more) {
    List<Object> line = new java.util.ArrayList<>(List.of("index", "--embeddings", rows));
    line.addAll(List.of("--doclens", lengths, "--index", directory.resolve("index")));
    line.addAll(List.of(more));
    return Typed.run(line.toArray());
  }

  /** An NPY file with a header of our making and {@code bytes} bytes of 0.0 or NaN. */
  private Path npy(String descr, String order, String shape, int bytes) throws IOException {
    String header =
        "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }".formatted(descr, order, shape);
    byte[] text = header.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer file = ByteBuffer.allocate(10 + text.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
    file.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    file.putShort((short) text.length).put(text);
    return Files.write(directory.resolve("made.npy"), file.array());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          <f8 | False | 40, 16,            | 5120 | elements of type '<f8'
          <i4 | False | 40, 16,            | 2560 | --embeddings needs 2 dimensions of F16 or F32
          <f4 | True  | 40, 16,            | 2560 | Fortran order
          <f4 | False | 640,               | 2560 | --embeddings needs 2 dimensions
          <f4 | False | 40, 4, 4,          | 2560 | --embeddings needs 2 dimensions
          <f4 | False | 40, 16,            | 100  | is truncated
          <f4 | False | 40, 12,            | 1920 | dim 12; a multiple of 8
          <f4 | False | 40, 0,             | 0    | dim 0; a multiple of 8
          <f4 | False | 40, 2048,          | 327680 | dim 2048; a multiple of 8
          <f4 | False | 40, 16,            | 2560 | row 0
          <f4 | False | 0, 16,             | 0    | sums to 40 tokens
          <f4 | Maybe | 40, 16,            | 2560 | damaged NPY header
          <f4 | False | 4000000000, 4000000000, | 64 | made.npy
          <f4 | False | a, b,              | 64   | made.npy has a damaged NPY header
          <f4 | False | -40, -16,          | 2560 | made.npy has a damaged NPY header
          """)
  void wrongArrayIsNamed(String descr, String order, String shape, int bytes, String part)
      throws IOException {
    rows = npy(descr, order, shape, bytes);
    index().fails(part);
    Typed.run("info", "--index", directory.resolve("index")).fails("no index");
  }

  @Test
  void nanIsNamedByRow() throws IOException {
    byte[] bytes = Files.readAllBytes(rows);
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putFloat(128 + 4 * (7 * 16 + 3), Float.NaN);
    Files.write(rows, bytes);
    index().fails("rows.npy", "row 7", "NaN");
  }

  @Test
  void filesThatDoNotFitAreNamed() throws IOException {
    Path good = lengths;
    lengths = Samples.lengths(directory.resolve("more.npy"), 11, 4);
    index().fails("more.npy sums to 44 tokens", "rows.npy has 40 rows");
    lengths = Samples.lengths(directory.resolve("negative.npy"), 10, -4);
    index().fails("negative.npy: entry 0 is -4");
    lengths = Files.writeString(directory.resolve("text.npy"), "no array at all, but text");
    index().fails("text.npy is not a NumPy file");
    lengths = rows;
    index().fails("--doclens needs 1 dimension");
    lengths = directory.resolve("none.npy");
    index().fails("none.npy", "no such file");
    lengths = directory;
    index().fails("directory");
    lengths = good;
    Path ids = Files.write(directory.resolve("ids"), List.of("a", "b"));
    index("--ids", ids).fails("2 ids for 10 passages");
    Files.write(ids, IntStream.range(0, 10).mapToObj(i -> "same").toList());
    index("--ids", ids).fails("duplicate id 'same'");
    Files.write(ids, IntStream.range(0, 10).mapToObj(i -> i == 4 ? "" : "i" + i).toList());
    index("--ids", ids).fails("document 5 has a blank id");
    Files.write(ids, new byte[] {(byte) 0xFF, '\n'});
    index("--ids", ids).fails("ids", "not UTF-8");
    index("--ids", directory.resolve("none")).fails("no such file");
    Files.write(ids, IntStream.range(0, 10).mapToObj(i -> "i" + i).toList());
    index("--ids", ids).ok();
  }

  @Test
  void moreCentroidsThanTokensAreRefusedOrWork() {
    Typed typed = index("--centroids", 1000);
    if (typed.exit() == 0) {
      Typed.run("verify", "--index", directory.resolve("index")).ok();
    } else {
      typed.fails("centroids");
    }
  }

  @Test
  void queryEmbeddingsThatDoNotFitAreNamed() throws IOException {
    Path run = directory.resolve("out.trec");
    Path index = Samples.embeddingIndex();
    Object[] line = {
      "search",
      "--index",
      index,
      "--query-embeddings",
      npy("<f4", "False", "2, 3, 8,", 192),
      "--run",
      run
    };
    Typed.run(line).fails("the query has dim 8, the index 16");
    npy("<f4", "False", "2, 300, 16,", 38400);
    line = new Object[] {line[0], line[1], line[2], line[3], rows, line[5], line[6]};
    Typed.run(line).fails("--query-embeddings needs 3 dimensions");
    line[4] = npy("<f4", "False", "2, 0, 16,", 0);
    Typed.run(line).fails("0 token embeddings");
    Path ids = Files.write(directory.resolve("qids"), List.of("only"));
    Typed.run(
            "search",
            "--index",
            index,
            "--query-embeddings",
            npy("<f4", "False", "2, 3, 16,", 384),
            "--query-ids",
            ids,
            "--run",
            run)
        .fails("1 query ids for 2 queries");
    assertTrue(Files.notExists(run) && Files.notExists(directory.resolve("out.trec.part")));
  }

  @Test
  void directoryWithoutIndexIsNamed() {
    for (String command : List.of("info", "verify", "search")) {
      Object[] missing = {command, "--index", directory.resolve("none")};
      Object[] empty = {command, "--index", directory};
      Object[] file = {command, "--index", rows};
      for (Object[] line : List.of(missing, empty, file)) {
        Object[] full = java.util.Arrays.copyOf(line, command.equals("search") ? 4 : 3);
        if (command.equals("search")) {
          full[3] = "query";
        }
        Typed.run(full).fails("there is no index at " + line[2]);
      }
    }
  }

  @Test
  void newerFormatIsNamed() throws IOException {
    Path index = Samples.copy(Samples.embeddingIndex(), directory.resolve("index"));
    Path manifest = index.resolve("manifest.json");
    String text = Files.readString(manifest);
    Files.writeString(manifest, text.replaceFirst("\"format\" : \\d+", "\"format\" : 99"));
    Typed.run("info", "--index", index).fails("format 99", "newer Tartan");
    index("--replace").fails("format 99");
    assertTrue(Files.readString(manifest).contains("99"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void flippedByteAndCutFileAreFound(boolean cut) throws IOException {
    Path whole = Samples.textIndex();
    List<Path> files = Samples.files(whole);
    assertTrue(files.size() > 10, files.toString());
    for (Path file : files) {
      String name = file.getFileName().toString();
      if (name.equals("write.lock")) {
        continue;
      }
      byte[] bytes = Files.readAllBytes(file);
      for (int at : new int[] {0, 9, bytes.length / 2, bytes.length - 1}) {
        Path index = Files.createTempDirectory(directory, "damaged");
        Samples.copy(whole, index);
        byte[] damaged = java.util.Arrays.copyOf(bytes, cut ? at : bytes.length);
        if (!cut) {
          damaged[at] ^= 0x10;
        }
        Files.write(index.resolve(name), damaged);
        Typed.run("verify", "--index", index).fails(name);
        Typed opened = Typed.run("info", "--index", index);
        if (opened.exit() != 0) {
          opened.fails(name);
        }
        boolean read = !name.equals("manifest.copy"); // which is for repairs alone
        assertEquals(!cut || opened.exit() != 0, !cut || read, "a cut file is found when opened");
      }
      if (name.equals("manifest.copy")) {
        continue;
      }
      Path index = Files.createTempDirectory(directory, "missing");
      Samples.copy(whole, index);
      Files.delete(index.resolve(name));
      Typed.run("info", "--index", index).fails(name);
    }
  }
}
