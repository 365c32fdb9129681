package dev.tartan.collection;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads and writes query files. */
public final class Queries {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Queries() {}

  /**
   * All queries in the order of the file: JSONL with {@code _id} or {@code id} and {@code text}, or
   * TSV {@code id<TAB>text}, told apart as in a {@link Collection}.
   *
   * @throws TartanException that names file and line if a line is not a query, its text is blank or
   *     its id was there before; or if the file is missing or holds no queries
   */
  public static List<Query> read(Path path) {
    List<Query> queries = new ArrayList<>();
    Map<String, Long> lineOfId = new HashMap<>();
    try (Lines lines = Lines.open(path)) {
      RecordReader records = new RecordReader(lines, 2);
      for (Document record = records.next(); record != null; record = records.next()) {
        if (record.text().isBlank()) {
          throw lines.bad("query " + Lines.quoted(record.id()) + " has a blank text; remove it");
        }
        Long before = lineOfId.putIfAbsent(record.id(), lines.number());
        if (before != null) {
          throw lines.bad(
              "query id %s is on line %d already; ids must be unique"
                  .formatted(Lines.quoted(record.id()), before));
        }
        queries.add(new Query(record.id(), record.text()));
      }
      if (queries.isEmpty()) {
        throw lines.badFile("holds no queries");
      }
    }
    return List.copyOf(queries);
  }

  /**
   * Creates or replaces {@code path} with {@code queries} as JSON lines.
   *
   * @throws TartanException if it cannot be written
   */
  public static void write(Path path, Iterable<Query> queries) {
    try (BufferedWriter out = Files.newBufferedWriter(path)) {
      for (Query query : queries) {
        out.write(
            JSON.writeValueAsString(
                JSON.createObjectNode().put("_id", query.id()).put("text", query.text())));
        out.newLine();
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }
}
