package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Command lines that cannot be meant: exit code 2, one line and a hint, before any work. */
class WrongUsageTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          ""                                                             | a command is missing
          --nonsense                                                     | --nonsense
          nonsense                                                       | nonsense
          search                                                         | --index
          search --index I                                               | QUERY
          search --index I q --nonsense                                  | --nonsense
          search --index I q -k 0                                        | k is 0
          search --index I q -k x                                        | 'x' is not an int
          search --index I q --nprobe 0                                  | nprobe is 0
          search --index I q --ndocs 0                                   | ndocs is 0
          search --index I q --scored 0                                  | scored is 0
          search --index I q --recall 0                                  | recall is 0.0
          search --index I q --recall -0.5                               | recall is -0.5
          search --index I q --recall 1.5                                | recall is 1.5
          search --index I q --recall NaN                                | recall is NaN
          search --index I q --recall much                               | 'much'
          search --index I q --threshold NaN                             | threshold
          search --index I q --threads 0                                 | --threads is 0
          search --index I q --backend nonsense                          | no backend 'nonsense'
          search --index I q --queries F --run R                         | one of QUERY
          search --index I --queries F --query-embeddings E --run R      | one of QUERY
          search --index I --queries F                                   | --run is missing
          search --index I --queries F --run R --explain                 | --explain needs one QUERY
          search --index I --queries F --run R --query-ids X             | --query-ids
          search --index I two words                                     | words
          index --index I                                                | --collection
          index --collection C                                           | --index
          index --collection C --embeddings E --doclens D --index I      | mutually exclusive
          index --embeddings E --index I                                 | --doclens
          index --embeddings E --doclens D --index I --split 180         | --split is for
          index --embeddings E --doclens D --index I --no-text           | --no-text is for
          index --collection C --index I --nbits 5                       | nbits is 5
          index --collection C --index I --codec mine                    | neither tartan nor colbertv2
          index --collection C --index I --pool-factor 0                 | pooling factor 0
          index --embeddings E --doclens D --index I --pool-factor 2     | --pool-factor is for
          encode --collection C --out O --doclens D --pool-factor 0      | pooling factor 0
          encode --collection C --out O --doclens D --pool-protected 2   | --pool-protected says
          encode --collection C --out O --doclens D --pool-factor 2 --pool-protected -1 | -1 protected
          encode --queries Q --out O --pool-factor 2                     | --pool-factor is for
          index --collection C --index I --split 3                       | split is 3
          index --collection C --index I --split 20 --overlap 11         | overlap is 11; 0 to 10
          index --collection C --index I --overlap 4                     | --overlap is for --split
          index --collection C --index I --split-by sentences            | --split-by is for --split
          index --collection C --index I --split 20 --split-by words     | 'words'
          index --collection C --index I --centroids -1                  | -1 centroids
          index --collection C --index I --threads 0                     | --threads is 0
          import --index I                                               | --from
          import --from F                                                | --index
          import --from F --index I --format warp                        | format 'warp' is not read; choose of colbert-ai
          import --from F --index I --threads 0                          | --threads is 0
          export --index I                                               | --to
          export --index I --to T --format fast-plaid                    | only colbert-ai is written
          encode --out O                                                 | one of --collection
          encode --collection C --queries Q --out O                      | one of --collection
          encode --collection C --out O                                  | --doclens is missing
          encode --queries Q --out O --doclens D                         | --doclens is for
          encode --queries Q --out O --threads 0                         | --threads is 0
          rerank --collection C                                          | one of QUERY and --queries
          rerank q                                                       | --collection
          rerank --collection C --queries Q --out O q                    | one of QUERY and --queries
          rerank --collection C --queries Q                              | --out is missing
          rerank --collection C --run R q                                | --run is for --queries
          rerank --collection C --candidates 3 q                         | --candidates is for --run
          rerank --collection C --model M --cross-encoder N q            | one of --model and --cross
          rerank --collection C --cross-encoder N --language fr q        | --language is for --model
          rerank --collection C --max-length 64 q                        | --max-length is for
          rerank --collection C -k 0 q                                   | not 0
          rerank --collection C --threads 0 q                            | --threads is 0
          tune                                                           | --index
          tune --index I -k 0                                            | k is 0
          tune --index I -k 10,-1                                        | k is -1
          tune --index I --queries Q --query-embeddings E                | or neither
          tune --index I --threads 0                                     | --threads is 0
          eval --qrels Q                                                 | --run
          eval --qrels Q --run R --threads 2                             | --threads
          info                                                           | --index
          verify                                                         | --index
          project --collection C --out O --dim 7                         | 7
          """)
  void isRefusedInOneLine(String line, String part) {
    Object[] args = line.isEmpty() ? new Object[0] : line.split(" ", -1);
    Typed.run(args).isWrongUsage(part);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo", "index", "search", "rerank", "tune", "encode", "eval", "info", "verify", "project",
        "train", "mine", "teach", "adapt", ""
      })
  void helpIsCompleteAndFitsTheTerminal(String command) {
    Typed typed = command.isEmpty() ? Typed.run("--help") : Typed.run(command, "--help");
    String help = typed.ok();
    assertEquals("", typed.err());
    assertTrue(help.startsWith("Usage: tartan"), help);
    List<String> wide = help.lines().filter(line -> line.length() > 100).toList();
    assertEquals(List.of(), wide);
    assertFalse(help.contains("${"), help);
  }

  @Test
  void isFoundInAProcessOfItsOwn() throws IOException, InterruptedException {
    Path err = directory.resolve("err");
    assertEquals(2, Typed.start(err, "search", "--index", "I", "q", "-k", "0").waitFor());
    assertEquals(2, Files.readAllLines(err).size(), () -> String.join("\n", lines(err)));
    assertEquals(1, Typed.start(err, "search", "--index", directory, "q").waitFor());
    assertEquals(1, Files.readAllLines(err).size(), () -> String.join("\n", lines(err)));
    assertEquals(0, Typed.start(err, "--version").waitFor());
    assertEquals(List.of(), Files.readAllLines(err));
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of(e.toString());
    }
  }
}
