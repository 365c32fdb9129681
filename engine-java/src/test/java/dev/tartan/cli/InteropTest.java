package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.interop.ForeignIndexes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Indexes of other engines on the command line. */
class InteropTest {
  @TempDir Path directory;

  @Test
  void importsSearchesAndExports() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-updated", directory);
    Path index = directory.resolve("index");
    Typed imported = Typed.run("import", "--from", from, "--index", index);
    assertTrue(
        imported
            .ok()
            .startsWith(
                index
                    + ": 96 documents, 96 passages, 686 tokens at 4 bits, 256 centroids, of colbert-ai, in "),
        imported.out());
    assertTrue(
        imported.err().contains("note: 4 passages without tokens were left out"), imported.err());
    Typed.run("verify", "--index", index).ok();
    assertTrue(Typed.run("info", "--index", index).ok().contains("some/model"));

    Path to = directory.resolve("to");
    JsonNode exported = Typed.run("export", "--index", index, "--to", to, "--json").json();
    assertEquals(96, exported.path("passages").asInt());
    assertEquals(686, exported.path("tokens").asInt());
    Path again = directory.resolve("again");
    JsonNode report = Typed.run("import", "--from", to, "--index", again, "--json").json();
    assertEquals("colbert-ai", report.path("format").asText());
    assertEquals(96, report.path("documents").asInt());
    assertEquals(0, report.path("withoutTokens").asInt());
  }

  @Test
  void anImportedIndexLives() throws IOException {
    Path index = directory.resolve("index");
    Path from = ForeignIndexes.unpack("fast-plaid-expanded", directory);
    Typed.run("import", "--from", from, "--index", index).ok();
    Typed.run("delete", "--index", index, "7", "99").ok();
    Typed.run("verify", "--index", index).ok();
    Path to = directory.resolve("to");
    assertEquals(
        98,
        Typed.run("export", "--index", index, "--to", to, "--json")
            .json()
            .path("passages")
            .asInt());
    Typed.run("compact", "--index", index).ok();
    Typed.run("verify", "--index", index).ok();
    Path after = directory.resolve("after");
    Typed.run("export", "--index", index, "--to", after).ok();
    for (String file : List.of("0.codes.pt", "0.residuals.pt", "pid_docid_map.json")) {
      assertEquals(-1, Files.mismatch(to.resolve(file), after.resolve(file)), file);
    }
  }

  @Test
  void saysWhyNot() throws IOException {
    Path from = ForeignIndexes.unpack("fast-plaid-fresh", directory);
    Path index = directory.resolve("index");
    Typed.run("import", "--from", from, "--index", index, "--format", "colbert-ai")
        .fails("metadata.json", "nbits is missing");
    Typed.run("import", "--from", from, "--index", index, "--quiet").ok();
    Typed.run("import", "--from", from, "--index", index)
        .fails("holds an index already", "--replace");
    Typed.run("import", "--from", from, "--index", index, "--replace", "--quiet").ok();
    Typed.run("import", "--from", directory.resolve("nowhere"), "--index", index, "--replace")
        .fails("there is no index at " + directory.resolve("nowhere"));
    Path ids = Files.writeString(directory.resolve("ids.txt"), "a\nb\n");
    Typed.run("import", "--from", from, "--index", index, "--replace", "--ids", ids)
        .fails(ids.toString(), "has 2 ids for 70 passages", "give one a line for each passage");
    Typed.run("export", "--index", index, "--to", from).fails("is not empty; name a new folder");
    Typed.run("export", "--index", directory.resolve("nowhere"), "--to", directory.resolve("to"))
        .fails("there is no index at");
    Typed.run("verify", "--index", index).ok();
  }
}
