package dev.tartan.train;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import dev.tartan.collection.TrainingExample;
import dev.tartan.collection.TrainingExamples;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Examples with the texts that they name; of a large collection only these are held.
 *
 * @param examples all with the same number of passages
 * @param queries id to text
 * @param passages id to text
 * @param development what to measure by, or null
 */
public record TrainingData(
    List<TrainingExample> examples,
    Map<String, String> queries,
    Map<String, String> passages,
    @Nullable Development development) {
  /** Takes every passage of every example. */
  public static final int ALL = -1;

  private static final int MAX_NWAY = 64;

  /**
   * Reads and checks the files of a run.
   *
   * @param nway passages to take of each example, its first ones; 0 for as many as every example
   *     has, at most 64; {@link #ALL} for all that each has
   * @param seed of the sample of development passages
   * @throws TartanException that names file and line if an example is malformed, has too few
   *     passages, or names a query or passage that is not there
   */
  public static TrainingData load(TrainingFiles files, int nway, long seed, Progress progress) {
    List<TrainingExample> examples = cut(files, TrainingExamples.read(files.examples()), nway);
    Map<String, String> queries = texts(Queries.read(files.queries()));
    Set<String> wanted = new HashSet<>();
    for (TrainingExample example : examples) {
      if (!queries.containsKey(example.queryId())) {
        throw unknown(files, example, "query", example.queryId(), files.queries());
      }
      wanted.addAll(example.passageIds());
    }
    Judged judged = judged(files);
    Sample sample = new Sample(judged.documents, files.development(), seed);
    Map<String, String> passages = collect(files.collection(), wanted, sample, progress);
    for (TrainingExample example : examples) {
      for (String passage : example.passageIds()) {
        if (!passages.containsKey(passage)) {
          throw unknown(files, example, "passage", passage, files.collection());
        }
      }
    }
    return new TrainingData(examples, queries, passages, development(judged, sample, passages));
  }

  private static TartanException unknown(
      TrainingFiles files, TrainingExample example, String what, String id, Path file) {
    return new TartanException(
        "%s, line %d: %s '%s' is not in %s"
            .formatted(files.examples(), example.line(), what, id, file));
  }

  private static List<TrainingExample> cut(
      TrainingFiles files, List<TrainingExample> examples, int nway) {
    if (nway == ALL) {
      return examples;
    }
    int all = examples.stream().mapToInt(e -> e.passageIds().size()).min().orElseThrow();
    int taken = nway == 0 ? Math.min(all, MAX_NWAY) : nway;
    List<TrainingExample> cut = new ArrayList<>();
    for (TrainingExample example : examples) {
      int size = example.passageIds().size();
      if (size < taken) {
        throw new TartanException(
            "%s, line %d: has %d passages, nway asks for %d"
                .formatted(files.examples(), example.line(), size, taken));
      }
      float[] scores = example.scores();
      cut.add(
          new TrainingExample(
              example.line(),
              example.queryId(),
              example.passageIds().subList(0, taken),
              scores == null ? null : Arrays.copyOf(scores, taken)));
    }
    return cut;
  }

  private static Map<String, String> texts(List<Query> queries) {
    Map<String, String> texts = new HashMap<>();
    queries.forEach(query -> texts.put(query.id(), query.text()));
    return texts;
  }

  /** Development queries that have a relevant document, and every document judged for them. */
  private record Judged(
      List<Query> queries, Map<String, Map<String, Integer>> grades, Set<String> documents) {}

  private static Judged judged(TrainingFiles files) {
    Judged judged = new Judged(new ArrayList<>(), new HashMap<>(), new HashSet<>());
    TrainingFiles.Development development = files.development();
    if (development == null) {
      return judged;
    }
    Qrels qrels = Qrels.read(development.qrels());
    for (Query query : Queries.read(development.queries())) {
      Map<String, Integer> grades = qrels.judgements(query.id());
      if (grades.values().stream().anyMatch(grade -> grade > 0)) {
        judged.queries.add(query);
        judged.grades.put(query.id(), grades);
        judged.documents.addAll(grades.keySet());
      }
    }
    if (judged.queries.isEmpty()) {
      throw new TartanException(
          "%s has no relevant document for any query of %s"
              .formatted(development.qrels(), development.queries()));
    }
    return judged;
  }

  /** The passages that development queries search: judged ones, and others drawn evenly. */
  private static final class Sample {
    private final Set<String> judged;
    private final int others;
    private final SplittableRandom random;
    private final List<Document> drawn = new ArrayList<>();
    private int seen;

    Sample(Set<String> judged, TrainingFiles.@Nullable Development development, long seed) {
      this.judged = judged;
      this.others = development == null ? 0 : Math.max(0, development.passages() - judged.size());
      this.random = new SplittableRandom(seed);
    }

    void offer(Document document) {
      if (others == 0 || judged.contains(document.id())) {
        return;
      }
      seen++;
      if (drawn.size() < others) {
        drawn.add(document);
      } else {
        int place = random.nextInt(seen);
        if (place < others) {
          drawn.set(place, document);
        }
      }
    }
  }

  private static Map<String, String> collect(
      Path collection, Set<String> wanted, Sample sample, Progress progress) {
    Map<String, String> passages = new HashMap<>();
    try (DocumentReader documents = new Collection(collection).open()) {
      progress.stage("reading", "KiB of text", documents.totalBytes() >> 10);
      while (documents.hasNext()) {
        Document document = documents.next();
        if (wanted.contains(document.id()) || sample.judged.contains(document.id())) {
          passages.put(document.id(), document.passage());
        }
        sample.offer(document);
        progress.advance(documents.newKibibytes());
      }
    }
    progress.done();
    sample.drawn.forEach(d -> passages.putIfAbsent(d.id(), d.passage()));
    return passages;
  }

  private static @Nullable Development development(
      Judged judged, Sample sample, Map<String, String> passages) {
    if (judged.queries.isEmpty()) {
      return null;
    }
    Map<String, String> searched = new java.util.TreeMap<>();
    judged.documents.stream()
        .filter(passages::containsKey)
        .forEach(id -> searched.put(id, passages.get(id)));
    sample.drawn.forEach(document -> searched.put(document.id(), passages.get(document.id())));
    return new Development(judged.queries, Qrels.of(judged.grades), searched);
  }

  /** Tells data apart: a resumed run must see what it saw before. */
  long checksum() {
    CRC32C crc = new CRC32C();
    for (TrainingExample example : examples) {
      update(crc, example.queryId());
      update(crc, queries.getOrDefault(example.queryId(), ""));
      for (String passage : example.passageIds()) {
        update(crc, passage);
        update(crc, passages.getOrDefault(passage, ""));
      }
      update(crc, Arrays.toString(example.scores()));
    }
    if (development != null) {
      update(crc, development.queries().toString());
      development.passages().keySet().forEach(id -> update(crc, id));
    }
    return crc.getValue();
  }

  private static void update(CRC32C crc, String text) {
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    crc.update(0);
  }

  /** Whether the examples have a teacher's scores. */
  boolean isScored() {
    return examples.getFirst().scores() != null;
  }

  /** Passages of each example. */
  public int nway() {
    return examples.getFirst().passageIds().size();
  }
}
