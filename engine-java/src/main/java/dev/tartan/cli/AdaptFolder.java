package dev.tartan.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.collection.Queries;
import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.Journal;
import dev.tartan.train.synthetic.SyntheticQuery;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.zip.CRC32C;

/** What an adaptation keeps in {@code adapt/} within its result, and goes on from. */
final class AdaptFolder {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path path;

  private AdaptFolder(Path path) {
    this.path = path;
  }

  /**
   * Begins a run in {@code out}, or goes on with the one that is there. One that got no answer, for
   * want of the right address or key, is none.
   *
   * @param facts what every answer depends on: name to value
   * @throws TartanException if there is a run and it shall not be resumed, or is of other facts
   */
  static AdaptFolder open(Path out, boolean resume, Map<String, String> facts) {
    AdaptFolder folder = new AdaptFolder(out.resolve("adapt"));
    Path file = folder.path.resolve("run.json");
    try {
      if (!Files.exists(file) || !folder.hasAnswers()) {
        Files.createDirectories(folder.path);
        write(file, facts);
        return folder;
      }
      if (!resume) {
        throw new TartanException(
            "%s holds an adaptation already; go on with it (--resume), or name another folder"
                .formatted(out));
      }
      folder.compare(file, JSON.readValue(Files.readString(file), new TypeReference<>() {}), facts);
      return folder;
    } catch (IOException e) {
      throw TartanException.io("cannot use " + file, e);
    }
  }

  private boolean hasAnswers() {
    try (Journal journal = Journal.open(file("journal.jsonl"))) {
      return journal.hasAnswers();
    }
  }

  private void compare(Path file, Map<String, String> before, Map<String, String> now) {
    TreeSet<String> names = new TreeSet<>(now.keySet());
    names.addAll(before.keySet());
    for (String name : names) {
      String was = before.getOrDefault(name, "");
      String is = now.getOrDefault(name, "");
      if (!was.equals(is)) {
        throw new TartanException(
            "%s is of a run with other options: %s was '%s', now '%s'; give the same, or another --out"
                .formatted(file, name, was, is));
      }
    }
  }

  Path file(String name) {
    return path.resolve(name);
  }

  /** Writes queries and what they were made of as files that other commands read. */
  void write(List<SyntheticQuery> all, String queries, String qrels) {
    try (NewFiles files = new NewFiles()) {
      Queries.write(files.add(file(queries)), SyntheticQuery.queries(all));
      SyntheticQuery.qrels(all).write(files.add(file(qrels)));
      files.publish();
    }
  }

  /** Writes a file of JSON for machines and people. */
  static void write(Path file, Object value) {
    try (NewFiles files = new NewFiles()) {
      Files.writeString(
          files.add(file), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(value) + "\n");
      files.publish();
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }

  /** Whether {@code result} was made of the same files and names as now. */
  boolean isMade(Path result, List<Path> of, List<String> names) {
    try {
      Path note = note(result);
      return Files.exists(result)
          && Files.exists(note)
          && Objects.equals(JSON.readValue(note.toFile(), Object.class), sources(of, names));
    } catch (IOException e) {
      return false; // a note that cannot be read says nothing; the result is made again
    }
  }

  /** Notes what {@code result} was made of. */
  void made(Path result, List<Path> of, List<String> names) {
    write(note(result), sources(of, names));
  }

  private static Path note(Path result) {
    return result.resolveSibling(result.getFileName() + ".made.json");
  }

  private static Map<String, Object> sources(List<Path> files, List<String> names) {
    Map<String, Object> sources = new LinkedHashMap<>();
    for (Path file : files) {
      CRC32C crc = new CRC32C();
      try {
        crc.update(Files.readAllBytes(file));
      } catch (IOException e) {
        throw TartanException.io("cannot read " + file, e);
      }
      sources.put(file.getFileName().toString(), Long.toHexString(crc.getValue()));
    }
    sources.put("by", names);
    return sources;
  }
}
