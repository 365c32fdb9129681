package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CollectionTest {
  private static final String JSONL =
      """
      {"_id": "4983", "title": "Über", "text": "First\\nline", "metadata": {"url": ["x"]}}
      {"id": 12345678901234567890, "text": ""}

      {"text": "z", "title": null, "id": "no", "_id": "yes"}
      """;
  private static final List<Document> JSONL_DOCUMENTS =
      List.of(
          new Document("4983", "Über", "First\nline").withMetadata("{\"url\": [\"x\"]}"),
          new Document("12345678901234567890", "", ""),
          new Document("yes", "", "z"));

  @TempDir Path directory;
  private TextFiles files = new TextFiles(Path.of(""));

  @BeforeEach
  void setUp() {
    files = new TextFiles(directory);
  }

  @Test
  void aLanguageIsReadWhereItIsAName() throws IOException {
    String lines =
        """
        {"_id": "fr", "text": "mots", "language": "fr_XX"}
        {"_id": "odd", "language": {"name": ["x"]}, "text": "y"}
        {"_id": "none", "language": null, "text": "z"}
        """;
    assertEquals(
        List.of(
            new Document("fr", "", "mots", "fr_XX"),
            new Document("odd", "", "y"),
            new Document("none", "", "z")),
        read(files.write("languages.jsonl", lines)));
  }

  @Test
  void metadataAreGivenAsTheyStand() throws IOException {
    String object = "{\"n\": 1.50, \"s\": \"ü } \\u00e9\", \"o\": {\"l\": [[], {}]}}";
    String lines =
        "{\"_id\": \"a\", \"metadata\":  %s , \"text\": \"x\"}\n".formatted(object)
            + "{\"_id\": \"b\", \"text\": \"x\", \"metadata\": {} }\n"
            + "{\"_id\": \"c\", \"text\": \"x\", \"metadata\": null}\n"
            + "{\"_id\": \"d\", \"text\": \"x\", \"metadata\": \"text\" }\n"
            + "{\"_id\": \"e\", \"text\": \"x\", \"metadata\": 17 }\n";
    assertEquals(
        List.of(object, "", "", "\"text\"", "17"),
        read(files.write("metadata.jsonl", lines)).stream().map(Document::metadata).toList());
  }

  @Test
  void jsonl() throws IOException {
    assertEquals(JSONL_DOCUMENTS, read(files.write("c.jsonl", JSONL)));
    assertEquals(JSONL_DOCUMENTS, read(files.write("c.JSON", JSONL)));
    assertEquals(JSONL_DOCUMENTS, read(files.write("windows.jsonl", JSONL.replace("\n", "\r\n"))));
    assertEquals(JSONL_DOCUMENTS, read(files.write("mark.jsonl", "\ufeff" + JSONL)));
    assertEquals(JSONL_DOCUMENTS, read(files.write("no-end.jsonl", JSONL.stripTrailing())));
  }

  @Test
  void tsv() throws IOException {
    List<Document> expected =
        List.of(new Document("0", "", "zero \"quoted"), new Document("1", "Title", "one"));
    String tsv = "0\tzero \"quoted\n1\tone\tTitle\n";
    assertEquals(expected, read(files.write("c.tsv", tsv)));
    assertEquals(expected, read(files.write("header.tsv", "id\ttext\ttitle\n" + tsv)));
    assertEquals(expected, read(files.gzip("c.tsv.gz", tsv)));
    assertEquals(List.of(new Document("7", "", "")), read(files.write("empty.tsv", "7\t\n")));
  }

  @Test
  void firstByteDecidesWithoutAnExtension() throws IOException {
    assertEquals(JSONL_DOCUMENTS, read(files.write("dump", "\n  \n" + JSONL)));
    assertEquals(JSONL_DOCUMENTS, read(files.gzip("dump.gz", JSONL)));
    assertEquals(List.of(new Document("a", "", "b")), read(files.write("c.txt", "a\tb")));
  }

  @Test
  void gzipOfSeveralMembersAndUnderAnyName() throws IOException {
    List<Document> twice = new ArrayList<>(JSONL_DOCUMENTS);
    twice.addAll(JSONL_DOCUMENTS);
    assertEquals(twice, read(files.gzip("c.jsonl.gz", JSONL, JSONL)));
    assertEquals(JSONL_DOCUMENTS, read(files.gzip("c.jsonl", JSONL)));
    assertEquals(JSONL_DOCUMENTS, read(files.write("unpacked.jsonl.gz", JSONL)));
  }

  @Test
  void linesLongerThanTheBuffersAndAcrossThem() throws IOException {
    StringBuilder tsv = new StringBuilder();
    List<Document> expected = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      String text = "é€𝄞x".repeat(1 + i * i * 20);
      tsv.append(i).append('\t').append(text).append("\r\n");
      expected.add(new Document(Integer.toString(i), "", text));
    }
    assertEquals(expected, read(files.write("long.tsv", tsv.toString())));
  }

  @Test
  void everyOpenIsAPassOfItsOwn() throws IOException {
    Collection collection = new Collection(files.write("c.jsonl", JSONL));
    try (DocumentReader one = collection.open();
        DocumentReader other = collection.open()) {
      assertEquals(JSONL_DOCUMENTS.getFirst(), one.next());
      assertEquals(JSONL_DOCUMENTS.get(1), one.next());
      assertEquals(JSONL_DOCUMENTS.getFirst(), other.next());
    }
  }

  @Test
  void progress() throws IOException {
    Path path = files.gzip("c.tsv.gz", "1\tx\n".repeat(100_000));
    try (DocumentReader documents = new Collection(path).open()) {
      assertEquals(Files.size(path), documents.totalBytes());
      long last = 0;
      while (documents.hasNext()) {
        documents.next();
        assertTrue(documents.bytesRead() >= last);
        last = documents.bytesRead();
        assertEquals(documents.documents(), documents.lineNumber());
      }
      assertEquals(100_000, documents.documents());
      assertEquals(documents.totalBytes(), last);
      assertFalse(documents.hasNext());
      assertThrows(NoSuchElementException.class, documents::next);
    }
  }

  @Test
  void missingFileAndDirectory() {
    files.assertFails(
        "cannot read DIR/none.jsonl: no such file: DIR/none.jsonl",
        () -> read(directory.resolve("none.jsonl")));
    files.assertFails("cannot read DIR: is a directory; name a file", () -> read(directory));
  }

  @Test
  void emptyFiles() {
    for (String content : List.of("", "\n \n", "id\ttext\n")) {
      files.assertFails("DIR/c.tsv: holds no documents", () -> read(files.write("c.tsv", content)));
    }
    files.assertFails(
        "DIR/c.jsonl.gz: holds no documents", () -> read(files.gzip("c.jsonl.gz", "")));
    files.assertFails("DIR/c: holds no documents", () -> read(files.write("c", "")));
  }

  @Test
  void truncatedGzip() throws IOException {
    byte[] whole = Files.readAllBytes(files.gzip("c.jsonl.gz", JSONL));
    files.assertFails(
        "cannot read DIR/cut.jsonl.gz after line 0: Unexpected end of ZLIB input stream",
        () -> read(files.write("cut.jsonl.gz", java.util.Arrays.copyOf(whole, 40))));
  }

  @Test
  void notUtf8() {
    files.assertFails(
        "DIR/c.tsv, line 2: is not UTF-8 (byte 0xE9 at column 6); convert the file, for example"
            + " with iconv",
        () -> read(files.write("c.tsv", latin1("1\tok\n2\tcaf\u00e9 au lait\n"))));
    files.assertFails(
        "DIR/c.tsv, line 1: is not UTF-8 (byte 0xFF at column 1); convert the file, for example"
            + " with iconv",
        () -> read(files.write("c.tsv", latin1("\u00ff\u00fe1\0\t\0"))));
  }

  @Test
  void overlongLine() {
    files.assertFails(
        "DIR/c.tsv, line 2: is longer than 64 MiB; put one record on each line",
        () -> {
          byte[] bytes = new byte[Lines.MAX_LINE + 10];
          java.util.Arrays.fill(bytes, (byte) 'x');
          System.arraycopy(latin1("1\ty\n2\t"), 0, bytes, 0, 6);
          read(files.write("c.tsv", bytes));
        });
  }

  @Test
  void tsvLines() {
    assertTsvFails(
        "has no tab: '2 two'; write id<TAB>text or id<TAB>text<TAB>title", "1\tone\n2 two\n");
    assertTsvFails(
        "has 4 columns; write id<TAB>text or id<TAB>text<TAB>title", "1\tone\n2\ta\tb\tc\n");
    assertTsvFails("the id is blank; every record needs an id of its own", "1\tone\n \ttwo\n");
  }

  @Test
  void jsonLines() {
    assertJsonFails(
        "malformed JSON (column 24): Unexpected end-of-input: was expecting closing quote for a"
            + " string value",
        "{\"_id\": \"1\", \"text\": \"x");
    assertJsonFails(
        "malformed JSON (column 2): Unexpected end-of-input: expected close marker for" + " Object",
        "{");
    assertJsonFails("is a JSON array", "[{\"_id\": \"1\", \"text\": \"x\"}]");
    assertJsonFails("is not a JSON object: '17'", "17");
    assertJsonFails("goes on after its object", "{\"id\": \"1\", \"text\": \"x\"} {}");
    assertJsonFails("has neither \"_id\" nor \"id\"", "{\"docno\": \"1\", \"text\": \"x\"}");
    assertJsonFails("has neither \"_id\" nor \"id\"", "{\"_id\": null, \"text\": \"x\"}");
    assertJsonFails("record '1' has no \"text\"", "{\"_id\": \"1\", \"title\": \"x\"}");
  }

  @Test
  void jsonValues() {
    String start = "{\"_id\": \"1\", \"text\": \"x\"}\n";
    files.assertFails(
        "DIR/c.jsonl, line 2: the id is blank; every record needs an id of its own",
        () -> read(files.write("c.jsonl", start + "{\"_id\": \"\", \"text\": \"x\"}")));
    files.assertFails(
        "DIR/c.jsonl, line 2: \"_id\" is 'true'; it must be a string or a number",
        () -> read(files.write("c.jsonl", start + "{\"_id\": true, \"text\": \"x\"}")));
    files.assertFails(
        "DIR/c.jsonl, line 2: \"text\" is '['; it must be a string",
        () -> read(files.write("c.jsonl", start + "{\"_id\": 2, \"text\": [\"x\"]}")));
    files.assertFails(
        "DIR/c.jsonl, line 2: \"title\" is '5'; it must be a string",
        () -> read(files.write("c.jsonl", start + "{\"_id\": 2, \"title\": 5}")));
  }

  @Test
  void valuesInMessagesAreShortAndOnOneLine() {
    assertEquals("'" + "a".repeat(60) + "...'", Lines.quoted("a".repeat(61)));
    assertEquals("'a b'", Lines.quoted("a\nb"));
  }

  private void assertTsvFails(String what, String content) {
    files.assertFails("DIR/c.tsv, line 2: " + what, () -> read(files.write("c.tsv", content)));
  }

  private void assertJsonFails(String what, String line) {
    files.assertFails(
        "DIR/c.jsonl, line 3: "
            + what
            + "; one line must hold one object like {\"_id\": \"d1\", \"text\": \"...\"}",
        () -> read(files.write("c.jsonl", "\n{\"id\": 0, \"text\": \"\"}\n" + line + "\n")));
  }

  private static byte[] latin1(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  private static List<Document> read(Path path) {
    List<Document> documents = new ArrayList<>();
    new Collection(path).forEach(documents::add);
    return documents;
  }
}
