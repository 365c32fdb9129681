package dev.tartan.collection;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.tartan.memory.TartanException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Files of training examples, one a line, as ColBERT has them: {@code [query-id, [passage-id,
 * score], ...]} with a teacher's scores, {@code [query-id, passage-id, passage-id, ...]} without
 * (triples and longer), or the same without scores separated by tabs. Ids are strings or numbers.
 */
public final class TrainingExamples {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WANTED =
      "write [\"query-id\", [\"passage-id\", score], ...] or [\"query-id\", \"passage-id\", ...]";

  private final Lines lines;
  private final Map<String, String> ids = new HashMap<>();
  private @Nullable Boolean scored;

  private TrainingExamples(Lines lines) {
    this.lines = lines;
  }

  /**
   * All examples of {@code path}, either all with scores or all without.
   *
   * @throws TartanException that names file and line if a line is cut off or not an example, lacks
   *     a score that others have, or has fewer than two passages; or if the file is missing or
   *     holds none
   */
  public static List<TrainingExample> read(Path path) {
    List<TrainingExample> examples = new ArrayList<>();
    try (Lines lines = Lines.open(path)) {
      TrainingExamples reader = new TrainingExamples(lines);
      for (String line = lines.nextFilled(); line != null; line = lines.nextFilled()) {
        examples.add(line.startsWith("[") ? reader.json(line) : reader.columns(line));
      }
      if (examples.isEmpty()) {
        throw lines.badFile("holds no training examples; " + WANTED);
      }
    }
    return examples;
  }

  private TrainingExample json(String line) {
    JsonNode list;
    try {
      list = JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw lines.bad("is no JSON list (is it cut off?): " + Lines.quoted(line) + "; " + WANTED);
    }
    List<String> passages = new ArrayList<>();
    float[] scores = new float[Math.max(0, list.size() - 1)];
    for (int i = 1; i < list.size(); i++) {
      JsonNode entry = list.path(i);
      checkScored(entry.isArray() && entry.size() > 1, i);
      boolean pair = entry.isArray();
      passages.add(id(pair ? entry.path(0) : entry));
      scores[i - 1] = pair && entry.size() > 1 ? score(entry.path(1)) : 0;
    }
    return example(id(list.path(0)), passages, scores);
  }

  /** The first passage of the file decides whether there are scores. */
  private void checkScored(boolean has, int place) {
    if (scored == null) {
      scored = has;
    } else if (scored != has) {
      throw lines.bad(
          has
              ? "passage %d has a teacher score, which those before it have not; give all or none"
                  .formatted(place)
              : "passage %d has no teacher score, which those before it have; give all or none"
                  .formatted(place));
    }
  }

  private TrainingExample columns(String line) {
    List<String> columns = List.of(line.split("\t", -1));
    checkScored(false, 1);
    if (columns.stream().anyMatch(String::isBlank)) {
      throw lines.bad("has a blank id: " + Lines.quoted(line) + "; " + WANTED);
    }
    List<String> unique = columns.stream().map(this::intern).toList();
    return example(unique.getFirst(), unique.subList(1, unique.size()), new float[0]);
  }

  private TrainingExample example(String query, List<String> passages, float[] scores) {
    if (passages.size() < 2) {
      throw lines.bad(
          "has %d passages; at least 2 are needed to tell them apart".formatted(passages.size()));
    }
    boolean has = Boolean.TRUE.equals(scored);
    return new TrainingExample(lines.number(), query, List.copyOf(passages), has ? scores : null);
  }

  private String id(JsonNode node) {
    if (!(node.isTextual() || node.isIntegralNumber()) || node.asText().isBlank()) {
      throw lines.bad("has %s where an id belongs; %s".formatted(Lines.quoted(node + ""), WANTED));
    }
    return intern(node.asText());
  }

  /** Passages recur: one string for each id, not for each mention. */
  private String intern(String id) {
    return ids.computeIfAbsent(id, same -> same);
  }

  private float score(JsonNode node) {
    float score = node.isNumber() ? node.floatValue() : Float.NaN;
    if (!Float.isFinite(score)) {
      throw lines.bad("the teacher score " + Lines.quoted(node + "") + " is not a finite number");
    }
    return score;
  }

  /**
   * Creates or replaces {@code path} with {@code examples} as JSON lines.
   *
   * @throws TartanException if it cannot be written
   */
  public static void write(Path path, Iterable<TrainingExample> examples) {
    try (BufferedWriter out = Files.newBufferedWriter(path)) {
      for (TrainingExample example : examples) {
        ArrayNode line = JSON.createArrayNode().add(example.queryId());
        float[] scores = example.scores();
        for (int i = 0; i < example.passageIds().size(); i++) {
          if (scores == null) {
            line.add(example.passageIds().get(i));
          } else {
            line.addArray().add(example.passageIds().get(i)).add(scores[i]);
          }
        }
        out.write(JSON.writeValueAsString(line));
        out.newLine();
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }
}
