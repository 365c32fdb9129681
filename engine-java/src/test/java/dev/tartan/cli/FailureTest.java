package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.segment.IndexDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What goes wrong with the files of texts, models and results: exit code 1 and one line. */
class FailureTest {
  private static final String GOOD = "{\"_id\": \"a\", \"text\": \"some words about migraine\"}\n";

  @TempDir Path directory;

  private Path file(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content);
  }

  private Typed index(Path collection) {
    return Typed.run("index", "--collection", collection, "--index", directory.resolve("index"));
  }

  @Test
  void missingCollectionIsNamed() {
    index(directory.resolve("none.jsonl")).fails("none.jsonl", "no such file");
    assertFalse(Files.exists(directory.resolve("index")));
  }

  @Test
  void directoryAsCollectionIsNamed() {
    index(directory).fails(directory.toString(), "is a directory");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"_id": "b", "text":               | line 2: malformed JSON
          {"_id": " ", "text": "x"}          | line 2: the id is blank
          {"text": "x"}                      | line 2: has neither
          {"_id": "b"}                       | line 2: record 'b' has no "text"
          """)
  void badLineIsNamedBeforeAModelLoads(String line, String part) throws IOException {
    Typed typed = index(file("c.jsonl", GOOD + line + "\n"));
    typed.fails("c.jsonl", part);
    assertFalse(typed.err().contains("encoding"), typed.err());
    assertFalse(Files.exists(directory.resolve("index")));
  }

  @Test
  void duplicateIdIsNamed() throws IOException {
    index(file("c.jsonl", GOOD + GOOD)).fails("duplicate id 'a'");
    Typed.run("info", "--index", directory.resolve("index")).fails("no index");
  }

  @Test
  void emptyCollectionIsNamed() throws IOException {
    index(file("c.jsonl", "")).fails("c.jsonl", "holds no documents");
    index(file("c.tsv", "id\ttext\n")).fails("c.tsv", "holds no documents");
    index(file("d.tsv", "a\t \n")).fails("none of the 1 documents has a token");
  }

  @Test
  void emptyTextIsIndexedWithANotice() throws IOException {
    String empty = "{\"_id\": \"nothing\", \"title\": \"\", \"text\": \" \"}\n";
    Typed typed = index(file("c.jsonl", GOOD + empty));
    assertTrue(typed.ok().contains("2 documents"), typed.out());
    assertTrue(typed.err().contains("note: 1 document has no text to index (first: 'nothing')"));
    Path index = directory.resolve("index");
    JsonNode json =
        Typed.run("search", "--index", index, "migraine", "--exhaustive", "-k", 10, "--json")
            .json();
    assertEquals("a", json.at("/hits/0/id").asText());
    Typed.run("verify", "--index", index).ok();
  }

  @Test
  void anyQueryIsSearchedOrRefusedClearly() throws IOException {
    Path index = Samples.textIndex();
    assertEquals(10, Typed.run("search", "--index", index, "?!").ok().lines().count());
    Typed.run("search", "--index", index, "").isWrongUsage("the query is blank");
    Typed.run("search", "--index", index, " \t").isWrongUsage("the query is blank");
    String all = Typed.run("search", "--index", index, "cells", "-k", 1_000_000_000).ok();
    assertTrue(all.lines().count() <= Samples.DOCUMENTS, all);
    assertEquals(
        Samples.DOCUMENTS,
        Typed.run("search", "--index", index, "cells", "-k", 2_000_000_000, "--exhaustive")
            .ok()
            .lines()
            .count());
    String longest = "word ".repeat(5000);
    assertEquals(10, Typed.run("search", "--index", index, longest).ok().lines().count());
  }

  @Test
  void unusableModelIsNamedAndNothingIsLost() throws IOException {
    Path docs = file("c.jsonl", GOOD);
    Path model = Files.createDirectories(directory.resolve("model"));
    Object[] line = {
      "index", "--collection", docs, "--index", directory.resolve("index"), "--model", model
    };
    Typed.run(line).fails("no config.json");
    Files.writeString(
        model.resolve("config.json"),
        """
        {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
         "intermediate_size": 8, "max_position_embeddings": 512, "type_vocab_size": 2,
         "layer_norm_eps": 1e-12, "hidden_act": "gelu", "vocab_size": 9}
        """);
    Typed.run(line).fails("no tokenizer.json and no vocab.txt");
    Files.writeString(
        model.resolve("vocab.txt"),
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n[unused0]\n[unused1]\nsome\nwords\n");
    Typed.run(line).fails("has no weights");
    Files.writeString(model.resolve("model.safetensors"), "nonsense");
    Typed.run(line).fails("model.safetensors");
    line[6] = directory.resolve("none");
    Typed.run(line).fails("no model '" + directory.resolve("none"));
    line[6] = docs;
    Typed.run(line).fails("c.jsonl is a file");
    Typed.run("encode", "--queries", docs, "--out", directory.resolve("q.npy"), "--model", model)
        .fails("model.safetensors");
    assertFalse(Files.exists(directory.resolve("q.npy")));
    assertFalse(Files.exists(directory.resolve("q.npy.part")));
  }

  /** In a process of its own: this one may have the driver of the tests. */
  @Test
  void missingBackendSaysWhy() throws Exception {
    Path err = directory.resolve("err");
    Path index = Samples.textIndex();
    int exit = Typed.start(err, "search", "--index", index, "q", "--backend", "cuda").waitFor();
    assumeTrue(exit != 0, "this machine has a GPU");
    assertEquals(1, exit);
    String said = Files.readString(err);
    assertEquals(1, said.lines().count(), said);
    assertTrue(said.contains("cuda backend") && said.contains("--backend cpu"), said);
  }

  @Test
  @EnabledIf("dev.tartan.cli.Samples#kernels")
  void namedBackendIsUsedWithoutNotice() throws IOException {
    Path index = Samples.textIndex();
    Typed typed = Typed.run("search", "--index", index, "cells", "--backend", "cpu");
    typed.ok();
    assertEquals(1, typed.err().lines().count(), typed.err());
  }

  @Test
  void existingIndexStaysWithoutReplace() throws IOException {
    Path index = Samples.copy(Samples.embeddingIndex(), directory.resolve("index"));
    Typed typed = index(file("c.jsonl", GOOD));
    typed.fails("holds an index already", "--replace");
    assertEquals(1, typed.err().lines().count(), typed.err());
    Typed.run("verify", "--index", index).ok();
    Typed replaced = Samples.indexEmbeddings(directory, index, "--replace", "--nbits", 1);
    assertTrue(replaced.ok().contains("at 1 bits"), replaced.out());
    assertEquals(
        4, Typed.run("info", "--index", index, "--json").json().at("/manifest/commit").asInt());
  }

  @Test
  void failedReplacementLeavesThePreviousCommit() throws IOException {
    Path index = Samples.copy(Samples.embeddingIndex(), directory.resolve("index"));
    List<Path> before = Samples.files(index);
    Typed.run("index", "--collection", file("c.jsonl", GOOD + GOOD), "--index", index, "--replace")
        .fails("duplicate id");
    Typed.run("verify", "--index", index).ok();
    before.stream()
        .filter(path -> !path.endsWith("write.lock"))
        .forEach(path -> assertTrue(Files.exists(path), path.toString()));
    assertTrue(Samples.files(index).size() <= before.size() + 1, Samples.files(index).toString());
  }

  @Test
  void secondWriterIsRefusedBeforeItWorks() throws IOException {
    Path index = Files.createDirectories(directory.resolve("index"));
    Path docs = file("c.jsonl", GOOD);
    try (IndexDirectory _ = IndexDirectory.open(index)) {
      Typed typed = index(docs);
      typed.fails("being written", "another writer of this process");
      assertFalse(typed.err().contains("encoding"), typed.err());
      Samples.indexEmbeddings(directory, index).fails("being written");
    }
    Samples.indexEmbeddings(directory, index).ok();
  }

  @Test
  void placeThatCannotBeWrittenIsFoundBeforeTheWork() throws IOException {
    Path docs = file("c.jsonl", GOOD);
    Path below = docs.resolve("below");
    Typed typed = Typed.run("index", "--collection", docs, "--index", below);
    typed.fails("cannot write the index at " + below);
    assertFalse(typed.err().contains("encoding"), typed.err());
    Typed.run("index", "--collection", docs, "--index", docs).fails("cannot write the index");
    Typed.run("encode", "--queries", docs, "--out", below).fails("cannot write " + below);
    Path out = directory.resolve("q.npy");
    Typed.run("encode", "--queries", docs, "--out", out, "--ids", below)
        .fails("cannot write " + below);
    assertFalse(Files.exists(out));
    Path index = Samples.textIndex();
    Typed.run("search", "--index", index, "--queries", docs, "--run", below)
        .fails("cannot write " + below);
    Typed.run("search", "--index", index, "--queries", docs, "--run", directory)
        .fails("is a directory");
    if (Files.exists(Path.of("/dev/full"))) {
      Typed.run("search", "--index", index, "--queries", docs, "--run", "/dev/full")
          .fails("cannot write /dev/full");
    }
  }

  @Test
  void foreignFilesStay() throws IOException {
    Path index = Files.createDirectories(directory.resolve("index"));
    Path notes = Files.writeString(index.resolve("notes.txt"), "mine");
    Path manifest = Files.writeString(index.resolve("manifest.txt"), "mine");
    Files.createDirectories(index.resolve("segment-1.d"));
    Samples.indexEmbeddings(directory, index).ok();
    Samples.indexEmbeddings(directory, index, "--replace").ok();
    assertEquals("mine", Files.readString(notes));
    assertEquals("mine", Files.readString(manifest));
  }

  @Test
  void badQueriesLeaveTheEarlierRun() throws IOException {
    Path run = file("out.trec", "the earlier run\n");
    Path queries = file("q.tsv", "a\tone\nno tab\n");
    Object[] line = {"search", "--index", Samples.textIndex(), "--queries", queries, "--run", run};
    Typed.run(line).fails("q.tsv, line 2", "no tab");
    Files.writeString(queries, "a\tone\na\ttwo\n");
    Typed.run(line).fails("q.tsv, line 2", "query id 'a' is on line 1 already");
    Files.writeString(queries, "");
    Typed.run(line).fails("holds no queries");
    Files.writeString(queries, "white space\tone\n");
    Typed.run(line).fails("white space");
    line[4] = directory.resolve("none");
    Typed.run(line).fails("no such file");
    assertEquals("the earlier run\n", Files.readString(run));
    assertFalse(Files.exists(directory.resolve("out.trec.part")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''               | a Q0 d 1 1.0 t                   | qrels: holds no judgements
          a 0 d 1          | ''                               | run: holds no results
          a 0 d 0          | a Q0 d 1 1.0 t                   | no relevant document
          a 0 d 1;a 0 d 2  | a Q0 d 1 1.0 t                   | graded 1 before, now 2
          a 0 d x          | a Q0 d 1 1.0 t                   | the grade 'x'
          a 0 d 1          | a Q0 d 1 1.0 t;a Q0 d 2 0.5 t    | document 'd' twice
          a 0 d 1          | a Q0 d 1 NaN t                   | the score 'NaN'
          a 0 d 1          | a d 1                            | has 3 columns
          """)
  void badJudgementsAndRunsAreNamed(String qrels, String run, String part) throws IOException {
    Typed.run(
            "eval",
            "--qrels",
            file("qrels", qrels.replace(';', '\n')),
            "--run",
            file("run", run.replace(';', '\n')))
        .fails(part);
  }

  @Test
  void queriesThatTheRunLacksCountZero() throws IOException {
    Typed typed =
        Typed.run("eval", "--qrels", file("q", "a 0 d 1\n"), "--run", file("r", "b Q0 d 1 1.0 t"));
    assertTrue(typed.ok().contains("1 of them not in the run (they count 0)"), typed.out());
    Typed.run("eval", "--qrels", directory.resolve("none"), "--run", file("r", "x"))
        .fails("no such file");
  }
}
