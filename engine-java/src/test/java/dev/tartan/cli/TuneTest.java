package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.memory.DType;
import dev.tartan.memory.NpyWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code tartan tune}, and what {@code search} and {@code info} say of it. */
class TuneTest {
  @TempDir Path directory;
  private Path index = Path.of("");

  @BeforeEach
  void copy() throws IOException {
    index = Samples.copy(Samples.embeddingIndex(), directory.resolve("index"));
  }

  @Test
  void onlyTheManifestChanges() throws IOException {
    for (Path queries : new Path[] {null, queries(16)}) {
      Typed typed =
          queries == null
              ? Typed.run("tune", "--index", index, "-k", "5,20")
              : Typed.run("tune", "--index", index, "-k", "5,20", "--query-embeddings", queries);
      assertTrue(typed.ok().contains("k <= 5 "), typed.out());
      assertTrue(typed.err().contains("calibrating search: "), typed.err());
      for (Path file : Samples.files(Samples.embeddingIndex())) {
        long differs = Files.mismatch(file, index.resolve(file.getFileName()));
        String name = file.getFileName().toString();
        if (name.startsWith("manifest.")) {
          assertNotEquals(-1, differs);
        } else if (!name.equals("write.lock")) {
          assertEquals(-1, differs, name);
        }
      }
      assertTrue(Typed.run("verify", "--index", index).ok().contains("is whole"));
    }
    assertEquals(Samples.files(Samples.embeddingIndex()).size(), Samples.files(index).size());
  }

  @Test
  void whatWasMeasuredIsShownAndUsed() throws IOException {
    JsonNode told = Typed.run("tune", "--index", index, "-k", 5, "--json", "--quiet").json();
    assertEquals(3, told.path("commit").asInt());
    JsonNode point = told.path("search").path(0);
    assertEquals(5, point.path("k").asInt());
    String info = Typed.run("info", "--index", index).ok();
    String row =
        "(?s).*\nsearch +recall +nprobe +ndocs +scored\n  k <= 5 +%.3f +%d +.*"
            .formatted(point.path("recall").asDouble(), point.path("nprobe").asInt());
    assertTrue(info.matches(row), info);
    assertTrue(search("--recall", "0.5", "-k", 5).contains("of the top 5, measured"));
    assertTrue(search("--recall", "1").contains("every passage scored (as asked for)"));
    assertTrue(search("--exhaustive").contains("every passage scored (as asked for)"));
    assertTrue(search("--recall", "0.999999").contains("is beyond the"));
    assertTrue(search("--nprobe", 3).contains("nprobe 3, "));
  }

  private String search(Object... more) {
    Path run = directory.resolve("run");
    Object[] line = new Object[7 + more.length];
    System.arraycopy(
        new Object[] {"search", "--index", index, "--query-embeddings", queries(16), "--run", run},
        0,
        line,
        0,
        7);
    System.arraycopy(more, 0, line, 7, more.length);
    return Typed.run(line).ok();
  }

  @Test
  void whatCannotBeTunedWith() throws IOException {
    Path empty = Files.writeString(directory.resolve("empty.jsonl"), "");
    tune("--queries", empty).fails("empty.jsonl", "no queries");
    tune("--queries", directory.resolve("missing")).fails("missing");
    Path words = Files.writeString(directory.resolve("words.tsv"), "1\tsome words\n");
    tune("--queries", words).fails("--query-embeddings");
    tune("--query-embeddings", queries(8)).fails("dim 8, the index 16");
    Path flat = Samples.rows(directory.resolve("flat.npy"), 4, 16);
    tune("--query-embeddings", flat).fails("3 dimensions");
    Typed.run("tune", "--index", directory.resolve("none")).fails("no index");
    assertTrue(Files.notExists(directory.resolve("none")));
    assertEquals(
        2, Typed.run("info", "--index", index, "--json").json().at("/manifest/commit").asInt());
  }

  private Typed tune(Object option, Object value) {
    return Typed.run("tune", "--index", index, option, value);
  }

  /** Six queries of 4 rows. */
  private Path queries(int dim) {
    Path rows = Samples.rows(directory.resolve("rows.npy"), 24, dim);
    Path path = directory.resolve("queries-" + dim + ".npy");
    try (dev.tartan.memory.NpyFile file = dev.tartan.memory.NpyFile.open(rows);
        NpyWriter out = new NpyWriter(path, DType.F32, 4, dim);
        Arena arena = Arena.ofConfined()) {
      dev.tartan.memory.Matrix all = dev.tartan.memory.Matrix.allocate(arena, 24, dim);
      file.readFloats(0, 24L * dim, all.data());
      out.writeRows(all);
    }
    return path;
  }
}
