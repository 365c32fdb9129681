package dev.tartan.metadata;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.TartanException;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.roaringbitmap.RoaringBitmap;

class ColumnsTest {
  private static final String[] PAPERS = {
    "{\"year\": 2019, \"tag\": [\"a\", \"b\"], \"title\": \"late interaction\", \"seen\": \"2020-05-17\"}",
    "{\"year\": 2020, \"tag\": [\"b\"], \"author\": {\"name\": \"Ada\"}, \"open\": true}",
    "",
    "{\"year\": 2021.5, \"title\": \"Late\", \"seen\": \"2020-05-17T10:30:00Z\", \"open\": false}",
    "{\"year\": -3, \"tag\": [], \"title\": \"letter\", \"marks\": [1, 7]}",
  };

  @Test
  void filtersFindWhatTheySay() {
    Columns columns = columns(PAPERS);
    finds(columns, "year >= 2020", 1, 3);
    finds(columns, "year < 2020", 0, 4);
    finds(columns, "year = 2021.5", 3);
    finds(columns, "year in (2019, 2020, 7)", 0, 1);
    finds(columns, "tag = 'b'", 0, 1);
    finds(columns, "tag in ('a', 'c')", 0);
    finds(columns, "title like 'l%'", 0, 4);
    finds(columns, "title like '%t_r%'", 0, 4);
    finds(columns, "title > 'Late'", 0, 4);
    finds(columns, "author.name = 'Ada'", 1);
    finds(columns, "open = true or open = false", 1, 3);
    finds(columns, "seen = 2020-05-17", 0);
    finds(columns, "seen >= 2020-05-17 and seen < 2020-05-18", 0, 3);
    finds(columns, "marks > 5", 4);
    finds(columns, "exists(tag)", 0, 1);
    finds(columns, "ids('1', '4', 'x')", 1, 4);
    finds(columns, "nowhere = 1 or exists(nowhere)");
  }

  @Test
  void whatADocumentLacksIsNeitherTrueNorFalse() {
    Columns columns = columns(PAPERS);
    finds(columns, "year != 2020", 0, 3, 4);
    finds(columns, "not year = 2020", 0, 3, 4);
    finds(columns, "not (year = 2020 and tag = 'b')", 0, 3, 4);
    finds(columns, "not (year = 2020 or open = false)");
    finds(columns, "not (year != 2020)", 1);
    finds(columns, "tag != 'a'", 1);
    finds(columns, "not tag in ('a')", 1);
    finds(columns, "not title like 'l%'", 3);
    finds(columns, "not exists(tag)", 2, 3, 4);
    finds(columns, "year != 2020 or not exists(year)", 0, 2, 3, 4);
    finds(columns, "not ids('0')", 1, 2, 3, 4);
  }

  @Test
  void fieldsAreCounted() {
    assertEquals(
        "{author.name=FieldCount[type=STRING, documents=1, values=1],"
            + " marks=FieldCount[type=NUMBERS, documents=1, values=2],"
            + " open=FieldCount[type=BOOLEAN, documents=2, values=2],"
            + " seen=FieldCount[type=DATE, documents=2, values=2],"
            + " tag=FieldCount[type=STRINGS, documents=2, values=2],"
            + " title=FieldCount[type=STRING, documents=3, values=3],"
            + " year=FieldCount[type=NUMBER, documents=4, values=4]}",
        columns(PAPERS).fields().toString());
    assertEquals("{}", Columns.none(3).fields().toString());
    assertEquals("{0,1,2}", found(Columns.none(3), "not exists(a)").toString());
  }

  @Test
  void aValueOfAnotherTypeIsRefused() {
    TartanException e =
        assertThrows(TartanException.class, () -> found(columns(PAPERS), "year = 'a'"));
    assertEquals("filter: field 'year' is a number, 'a' is a string", e.getMessage());
    assertThrows(TartanException.class, () -> found(columns(PAPERS), "year like 'a'"));
  }

  /** Random documents, many enough for several containers, against the definition. */
  @Test
  void manyDocumentsAreFoundAsTheDefinitionSays() {
    SplittableRandom random = new SplittableRandom(3);
    int n = 150_000;
    String[] json = new String[n];
    double[] number = new double[n];
    int[] word = new int[n];
    List<Set<Integer>> lists = new ArrayList<>();
    for (int d = 0; d < n; d++) {
      boolean has = random.nextInt(3) > 0;
      double value = random.nextInt(4) == 0 ? random.nextDouble() * 1e6 - 5e5 : random.nextInt(50);
      number[d] = has ? value : Double.NaN;
      word[d] = random.nextInt(5) == 0 ? random.nextInt(n) : random.nextInt(20);
      lists.add(new TreeSet<>());
      for (int i = random.nextInt(3); i > 0; i--) {
        lists.get(d).add(random.nextInt(10));
      }
      json[d] =
          "{\"n\": %s, \"w\": \"w%d\", \"l\": %s, \"u\": %d}"
              .formatted(has ? value : "null", word[d], lists.get(d), d);
    }
    Columns columns = columns(json);
    for (double v :
        new double[] {-1e9, -0.5, 0, 7, 7.5, 49, 123_456.7, 1e9, number[0], number[1]}) {
      if (!Double.isNaN(v)) {
        equal(columns, "n < " + v, d -> number[d] < v, n);
        equal(columns, "n <= " + v, d -> number[d] <= v, n);
        equal(columns, "n > " + v, d -> number[d] > v, n);
        equal(columns, "n >= " + v, d -> number[d] >= v, n);
        equal(columns, "n = " + v, d -> number[d] == v, n);
        equal(columns, "n != " + v, d -> number[d] < v || number[d] > v, n);
      }
    }
    equal(columns, "w = 'w7'", d -> word[d] == 7, n);
    equal(columns, "w like 'w1%'", d -> Integer.toString(word[d]).startsWith("1"), n);
    equal(columns, "w >= 'w5'", d -> ("w" + word[d]).compareTo("w5") >= 0, n);
    equal(columns, "l = 3", d -> lists.get(d).contains(3), n);
    equal(columns, "l < 3", d -> lists.get(d).stream().anyMatch(e -> e < 3), n);
    equal(columns, "l != 3", d -> !lists.get(d).isEmpty() && !lists.get(d).contains(3), n);
    equal(columns, "u >= 65535 and u < 65540", d -> d >= 65535 && d < 65540, n);
    equal(columns, "u = 149999", d -> d == 149_999, n);
  }

  private static void equal(
      Columns columns, String filter, java.util.function.IntPredicate expected, int n) {
    assertArrayEquals(
        IntStream.range(0, n).filter(expected).toArray(), found(columns, filter).toArray(), filter);
  }

  @Test
  void theLargestIntegersAreTold() {
    Columns columns =
        columns(
            "{\"i\": 9007199254740992}", "{\"i\": 9007199254740994}", "{\"i\": -9007199254740992}");
    finds(columns, "i = 9007199254740992", 0);
    finds(columns, "i > 9007199254740992", 1);
    finds(columns, "i < 0", 2);
  }

  @Test
  void numbersOfFewDistinctValues() {
    for (int distinct : new int[] {1, 2, 3, 4, 7, 8}) {
      String[] json = new String[20];
      for (int d = 0; d < json.length; d++) {
        json[d] = d % 3 == 2 ? "" : "{\"n\": %d}".formatted(d % distinct);
      }
      Columns columns = columns(json);
      for (int v = -1; v <= distinct; v++) {
        int value = v;
        equal(columns, "n = " + v, d -> d % 3 < 2 && d % distinct == value, json.length);
        equal(columns, "n > " + v, d -> d % 3 < 2 && d % distinct > value, json.length);
        equal(columns, "n <= " + v, d -> d % 3 < 2 && d % distinct <= value, json.length);
      }
    }
  }

  @Test
  void stringsAreOrderedByCodePoints() {
    Columns columns =
        columns(
            "{\"s\": \"\uFF5E\"}", "{\"s\": \"\uD83D\uDE00\"}", "{\"s\": \"\"}", "{\"s\": \"z\"}");
    finds(columns, "s > '\uFF5E'", 1);
    finds(columns, "s < 'z'", 2);
    finds(columns, "s = ''", 2);
    finds(columns, "s like '_'", 0, 1, 3);
  }

  @Test
  void noDocumentsAndNoFields() {
    assertTrue(found(columns(), "a = 1").isEmpty());
    assertEquals(2, columns("", "{}").documents());
  }

  /** Whatever the damage, there is an answer or a message, nothing else. */
  @Test
  void damageIsTold() {
    byte[] whole = blob(PAPERS);
    SplittableRandom random = new SplittableRandom(4);
    int told = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = whole.clone();
      if (i % 5 == 0) {
        damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
      } else {
        for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
        }
      }
      try {
        Columns columns = Columns.open(MemorySegment.ofArray(damaged), "segment-1.fields");
        for (String filter :
            List.of(
                "year >= 2020",
                "tag = 'b'",
                "title like '%t_r%'",
                "not seen = 2020-05-17",
                "not (open = true)",
                "marks > 1",
                "not exists(author.name)")) {
          try {
            RoaringBitmap found = found(columns, filter);
            assertTrue(
                found.isEmpty() || Integer.compareUnsigned(found.last(), columns.documents()) < 0);
          } catch (TartanException e) {
            told++;
          }
        }
      } catch (TartanException e) {
        assertTrue(e.getMessage().startsWith("segment-1.fields is damaged"), e.getMessage());
        told++;
      }
    }
    assertTrue(told > 1000, told + " of the damage was told");
  }

  private static Columns columns(String... documents) {
    return Columns.open(MemorySegment.ofArray(blob(documents)), "test");
  }

  private static byte[] blob(String... documents) {
    ColumnsWriter writer = new ColumnsWriter(Schema.EMPTY);
    for (int d = 0; d < documents.length; d++) {
      writer.add("d" + d, documents[d]);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    writer.write(out);
    return out.toByteArray();
  }

  private static RoaringBitmap found(Columns columns, String filter) {
    return columns.matching(
        Filter.parse(filter), id -> id.matches("[0-9]+") ? Integer.parseInt(id) : -1);
  }

  private static void finds(Columns columns, String filter, int... documents) {
    assertArrayEquals(documents, found(columns, filter).toArray(), filter);
  }
}
