package dev.tartan.metadata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tartan.memory.TartanException;
import java.util.List;
import org.junit.jupiter.api.Test;

class MetadataReaderTest {
  private final MetadataReader reader = new MetadataReader(Schema.EMPTY);

  @Test
  void aFieldHasTheTypeOfItsFirstValue() {
    reader.read(
        "d1",
        """
        {"title": "a", "year": 2020, "seen": "2020-05-17", "at": "2020-05-17T10:30:00.5Z", "open": true,
         "tags": ["a", "b"], "marks": [1, 2.5], "author": {"name": "x", "born": {"year": 1970}},
         "nothing": null, "none": [], "hollow": [null]}
        """);
    Schema schema = reader.schema();
    assertEquals(
        List.of(
            "at",
            "author.born.year",
            "author.name",
            "marks",
            "open",
            "seen",
            "tags",
            "title",
            "year"),
        List.copyOf(schema.fields().keySet()));
    assertEquals(FieldType.STRING, schema.type("title"));
    assertEquals(FieldType.NUMBER, schema.type("year"));
    assertEquals(FieldType.DATE, schema.type("seen"));
    assertEquals(FieldType.DATE, schema.type("at"));
    assertEquals(FieldType.BOOLEAN, schema.type("open"));
    assertEquals(FieldType.STRINGS, schema.type("tags"));
    assertEquals(FieldType.NUMBERS, schema.type("marks"));
    assertEquals(FieldType.NUMBER, schema.type("author.born.year"));
  }

  @Test
  void whatDoesNotFitIsToldInOneLine() {
    reader.read(
        "d1", "{\"year\": 2020, \"seen\": \"2020-05-17\", \"tags\": [\"a\"], \"title\": \"a\"}");
    Schema before = reader.schema();
    refused(
        "{\"new\": 1, \"year\": \"n.d.\"}",
        "document 'd2': field 'year' is a number, but 'n.d.' is a string; mend it, or make the index with --field year=string");
    refused(
        "{\"seen\": \"unknown\"}",
        "document 'd2': field 'seen' is a date, but 'unknown' is a string; mend it");
    refused("{\"title\": 5}", "document 'd2': field 'title' is a string, but 5 is a number;");
    refused(
        "{\"title\": [\"a\"]}",
        "document 'd2': field 'title' is a string, but 'a' is in a list of strings;");
    refused(
        "{\"tags\": \"a\"}",
        "document 'd2': field 'tags' is a list of strings, but 'a' is a string;");
    refused(
        "{\"tags\": [1]}", "document 'd2': field 'tags' is a list of strings, but 1 is a number;");
    refused(
        "{\"mixed\": [1, \"a\"]}",
        "document 'd2': field 'mixed' is a list of numbers, but 'a' is a string;");
    refused(
        "{\"flags\": [true]}",
        "document 'd2': field 'flags' is true or false, but true is in a list of booleans; mend it, or make the index with --field flags=strings");
    refused(
        "{\"a\": [{}]}",
        "document 'd2': field 'a' is a list of objects; a list may hold strings or numbers");
    refused("{\"a.b\": 1, \"a\": {\"b\": 2}}", "document 'd2' has the field 'a.b' twice");
    refused(
        "{\"id\": 9007199254740993}",
        "document 'd2', field 'id': 9007199254740993 has more digits");
    refused("{\"\": 1}", "document 'd2': a field of its metadata has a blank name");
    refused("[1]", "document 'd2': its metadata is '[1]', not a JSON object");
    refused("{\"a\": 1} 2", "document 'd2': its metadata goes on after the object");
    refused("{\"a\": ", "document 'd2': its metadata is malformed JSON (column ");
    refused("{\"a\":".repeat(3000), "document 'd2': its metadata is malformed JSON");
    assertEquals(before, reader.schema(), "what is refused teaches nothing");
  }

  private void refused(String json, String start) {
    TartanException e = assertThrows(TartanException.class, () -> reader.read("d2", json), json);
    assertTrue(e.getMessage().startsWith(start), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void declaredFieldsTakeWhatCanBeConverted() {
    MetadataReader declared =
        new MetadataReader(Schema.declared(List.of("id=string", "tags=strings", "seen=string")));
    assertEquals(
        "{id=['9007199254740993'], seen=['2020-05-17'], tags=['a']}",
        declared
            .read("d1", "{\"id\": 9007199254740993, \"seen\": \"2020-05-17\", \"tags\": \"a\"}")
            .toString());
    MetadataReader ignoring = new MetadataReader(Schema.declared(List.of("raw=ignored")));
    assertEquals("{a=[1]}", ignoring.read("d1", "{\"raw\": [{\"x\": [1]}], \"a\": 1}").toString());
    wrong(
        ignoring.schema(),
        "exists(raw)",
        "filter: the field 'raw' was declared as ignored; make the index anew to filter by it");
    assertEquals("{id=['true']}", declared.read("d2", "{\"id\": true}").toString());
    TartanException e =
        assertThrows(TartanException.class, () -> declared.read("d3", "{\"id\": [\"a\"]}"));
    assertTrue(e.getMessage().contains("another --field id=TYPE"), e.getMessage());
  }

  @Test
  void declarationsThatAreNone() {
    for (String wrong : List.of("year", "=number", "year=int", "")) {
      TartanException e =
          assertThrows(TartanException.class, () -> Schema.declared(List.of(wrong)));
      assertTrue(
          e.getMessage().contains("string, number, date, boolean, strings, numbers, ignored"),
          e.getMessage());
    }
    reader.read("d1", "{\"year\": 2020}");
    TartanException e =
        assertThrows(
            TartanException.class,
            () -> reader.schema().declaring(Schema.declared(List.of("year=string"))));
    assertEquals(
        "field 'year' is declared as a string and is a number already; make the index anew to change it",
        e.getMessage());
  }

  @Test
  void aSchemaIsJson() throws Exception {
    reader.read("d1", "{\"year\": 2020, \"tags\": [\"a\"]}");
    Schema schema = reader.schema().declaring(Schema.declared(List.of("seen=date")));
    JsonMapper mapper = JsonMapper.builder().build();
    String json = mapper.writeValueAsString(schema);
    assertTrue(json.contains("\"type\":\"strings\""), json);
    assertEquals(schema, mapper.readValue(json, Schema.class));
  }

  @Test
  void filtersAreHeldAgainstTheFields() {
    reader.read(
        "d1", "{\"year\": 2020, \"seen\": \"2020-05-17\", \"tags\": [\"a\"], \"open\": true}");
    Schema schema = reader.schema();
    schema.check(
        Filter.parse("year > 1 and seen < 2021-01-01 and tags = 'a' and open = true and ids('x')"));
    wrong(schema, "yaer > 1", "filter: there is no field 'yaer'; there are open, seen, tags, year");
    wrong(schema, "year = 'a'", "filter: field 'year' is a number, 'a' is a string");
    wrong(schema, "not (year in (1, true))", "filter: field 'year' is a number, true is a boolean");
    wrong(
        schema,
        "seen = 'x' or year = 1",
        "filter: field 'seen' is a date, 'x' is no date: write '2020-05-17' or '2020-05-17T10:30:00Z'");
    wrong(schema, "tags > 1", "filter: field 'tags' is a list of strings, 1 is a number");
    wrong(schema, "year like '2%'", "filter: field 'year' is a number; like is for strings");
    wrong(
        Schema.EMPTY,
        "a = 1",
        "filter: there is no field 'a': no document of the index has metadata");
  }

  private static void wrong(Schema schema, String filter, String message) {
    TartanException e =
        assertThrows(TartanException.class, () -> schema.check(Filter.parse(filter)));
    assertEquals(message, e.getMessage());
  }

  @Test
  void datesAreMoments() {
    assertEquals(0L, Dates.micros("1970-01-01"));
    assertEquals(Dates.micros("2020-05-17T08:30:00Z"), Dates.micros("2020-05-17T10:30+02:00"));
    assertEquals(Dates.micros("2020-05-17T10:30:00Z"), Dates.micros("2020-05-17T10:30:00"));
    assertEquals(1L, Dates.micros("1970-01-01T00:00:00.000001Z"));
    for (String none :
        List.of(
            "2020", "2020-13-01", "2020-05-17x", "20200517", "May 17", "", "2020-05-17 10:30")) {
      assertEquals(null, Dates.micros(none), none);
    }
  }
}
