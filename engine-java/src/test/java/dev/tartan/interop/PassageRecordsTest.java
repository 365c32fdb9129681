package dev.tartan.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.interop.PassageRecords.PassageRecord;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Filter;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids, texts and metadata that stand beside a foreign index. */
class PassageRecordsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What jmh/peers/foreign_indexes.py and states.rs deleted. */
  private static final List<Integer> DELETED = List.of(3, 40, 41, 68, 75);

  @TempDir Path directory;
  private Path index = Path.of("");

  @BeforeEach
  void setUp() {
    index = directory.resolve("imported");
  }

  /** Three passages of document "a", then each its own. */
  private static String id(int passage) {
    return passage < 3 ? "a" : "d" + passage;
  }

  private void ragatouille(Path from, List<Integer> passages) throws IOException {
    Map<String, String> ids = new TreeMap<>(); // "10" before "2": order is not to be relied on
    passages.forEach(p -> ids.put(Integer.toString(p), id(p)));
    List<String> texts = passages.stream().map(p -> "text of " + p).toList();
    JSON.writeValue(from.resolve("pid_docid_map.json").toFile(), ids);
    JSON.writeValue(from.resolve("collection.json").toFile(), texts);
    Map<String, Object> metadata = Map.of("a", Map.of("year", 1999), "d5", Map.of("ok", true));
    JSON.writeValue(from.resolve("docid_metadata_map.json").toFile(), metadata);
  }

  @Test
  void readsRagatouillesFiles() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-2bit", directory);
    ragatouille(from, IntStream.range(0, 70).boxed().toList());
    IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
      Segment segment = snapshot.segments().getFirst();
      assertEquals(68, segment.documents());
      assertEquals(70, segment.passages());
      for (int p = 0; p < 70; p++) {
        assertEquals(id(p), segment.id(segment.document(p)));
        assertEquals("text of " + p, segment.text(p));
      }
      assertEquals("{\"year\":1999}", segment.metadata(segment.document(2)));
      assertEquals("", segment.metadata(segment.document(4)));
      int found = segment.matching(Filter.field("ok").is(true)).first();
      assertEquals("d5", segment.id(found));
    }
    try (ForeignIndex foreign = ForeignIndex.open(from, null);
        PassageRecords records = new PassageRecords(foreign, null, new Numbering(70, 70))) {
      assertEquals("{\"year\":1999}", records.record(2, 2).metadata());
      assertNull(records.record(4, 4).metadata());
      assertEquals("{\"ok\":true}", records.record(5, 5).metadata());
    }
  }

  /** RAGatouille takes deleted passages out of its files, colbert-ai keeps their numbers. */
  @Test
  void readsRagatouillesFilesAfterADeletion() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-updated", directory);
    List<Integer> left =
        IntStream.range(0, 100).filter(p -> !DELETED.subList(0, 4).contains(p)).boxed().toList();
    ragatouille(from, left);
    IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    try (Snapshot snapshot = Snapshot.open(index)) {
      Segment segment = snapshot.segments().getFirst();
      for (int p = 0; p < left.size(); p++) {
        assertEquals(id(left.get(p)), segment.id(segment.document(p)));
        assertEquals("text of " + left.get(p), segment.text(p));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fast-plaid-fresh", "fast-plaid-deleted"})
  void readsTheMetadataOfFastPlaid(String state) throws IOException {
    List<PassageRecord> records = records(state);
    List<Integer> numbers = numbers(state);
    for (int p = 0; p < numbers.size(); p++) {
      int d = numbers.get(p);
      String tags = d % 2 == 0 ? ",\"tags\":\"odd\"" : "";
      assertEquals(
          "{\"title\":\"title %d\",\"year\":%d,\"share\":%s%s}"
              .formatted(d, 1990 + d, d / 8.0, tags),
          records.get(p).metadata());
    }
  }

  /** Its database has two tables, and after a deletion a log that is not written back yet. */
  @ParameterizedTest
  @ValueSource(strings = {"next-plaid-fresh", "next-plaid-deleted"})
  void readsTheMetadataOfNextPlaid(String state) throws IOException {
    List<PassageRecord> records = records(state);
    List<Integer> numbers = numbers(state);
    for (int p = 0; p < numbers.size(); p++) {
      int d = numbers.get(p);
      assertEquals(
          JSON.readTree(
              "{\"name\":\"title %d\",\"year\":%d,\"share\":%s,\"tags\":[\"a\",\"%d\"],\"even\":%d}"
                  .formatted(d, 1990 + d, d / 8.0, d, d % 2 == 0 ? 1 : 0)),
          JSON.readTree(String.valueOf(records.get(p).metadata())));
    }
  }

  private static List<Integer> numbers(String state) {
    boolean deleted = state.endsWith("deleted");
    return IntStream.range(0, deleted ? 100 : 70)
        .filter(d -> !deleted || !DELETED.contains(d))
        .boxed()
        .toList();
  }

  private List<PassageRecord> records(String state) throws IOException {
    Path from = ForeignIndexes.unpack(state, directory);
    int n = numbers(state).size();
    List<PassageRecord> all = new ArrayList<>();
    try (ForeignIndex foreign = ForeignIndex.open(from, null);
        PassageRecords records = new PassageRecords(foreign, null, new Numbering(n, n))) {
      for (int p = 0; p < n; p++) {
        all.add(records.record(p, p));
        assertEquals(Integer.toString(p), all.get(p).id());
      }
    }
    return all;
  }

  @Test
  void readsTheIdsOfPylate() throws IOException {
    Path inner = ForeignIndexes.unpack("fast-plaid-fresh", directory);
    Path outer = Files.createDirectories(directory.resolve("pylate"));
    Files.move(inner, outer.resolve("fast_plaid_index"));
    // {n: "id-n"}, ids of plain numbers, last first
    ByteArrayOutputStream pickle = new ByteArrayOutputStream();
    pickle.writeBytes(new byte[] {(byte) 0x80, 4, '}', (byte) 0x94, '('});
    for (int n = 69; n >= 0; n--) {
      byte[] id = ("id-" + n).getBytes(StandardCharsets.US_ASCII);
      pickle.writeBytes(new byte[] {'K', (byte) n, (byte) 0x8c, (byte) id.length});
      pickle.writeBytes(id);
      pickle.write(0x94);
    }
    pickle.writeBytes(new byte[] {'u', '.'});
    Files.write(outer.resolve("plaid_ids_to_documents_ids.pkl"), pickle.toByteArray());
    for (Path from : List.of(outer, outer.resolve("fast_plaid_index"))) {
      IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
      try (Snapshot snapshot = Snapshot.open(index)) {
        for (int d = 0; d < 70; d++) {
          assertEquals("id-" + d, snapshot.segments().getFirst().id(d));
        }
      }
    }
  }

  @Test
  void takesIdsThatAreGiven() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-updated", directory);
    for (int n : new int[] {100, 96}) { // of all passages, or of those that are left
      Path ids = ids(IntStream.range(0, n).mapToObj(p -> "n" + p).toList());
      IndexImport.run(from, index, new ImportOptions(null, ids, "m"), Progress.NONE);
      try (Snapshot snapshot = Snapshot.open(index)) {
        assertEquals("m", snapshot.manifest().model());
        assertEquals(n == 100 ? "n99" : "n95", snapshot.segments().getFirst().id(95));
      }
    }
  }

  @Test
  void saysWhatIsWrongWithIds() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-updated", directory);
    Path few = ids(List.of("a", "b"));
    assertEquals(
        few
            + " has 2 ids for 100 passages, of which 96 have tokens; give one a line for each passage",
        message(from, few));
    List<String> twice = new ArrayList<>(IntStream.range(0, 96).mapToObj(p -> "n" + p).toList());
    twice.set(90, "n1");
    assertEquals(
        "id 'n1' comes again at passage 94, after others; the passages of a document must follow each other: give each its own id with --ids FILE, one a line",
        message(from, ids(twice)));
    twice.set(90, " ");
    assertEquals(
        "passage 94 has a blank id; give ids with --ids FILE, one a line",
        message(from, ids(twice)));
  }

  private Path ids(List<String> lines) throws IOException {
    return Files.write(directory.resolve("ids.txt"), lines);
  }

  private String message(Path from, Path ids) {
    ImportOptions options = new ImportOptions(null, ids, null);
    return String.valueOf(
        assertThrows(
                TartanException.class, () -> IndexImport.run(from, index, options, Progress.NONE))
            .getMessage());
  }
}
