package dev.tartan.metadata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.TartanException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** One tree, three ways to write it. */
class FilterTextTest {
  @Test
  void textJsonAndJavaSayTheSame() {
    Filter java =
        Filter.field("year")
            .atLeast(2020)
            .and(Filter.field("tag").in("a", "b").or(Filter.not(Filter.field("author").exists())))
            .and(Filter.field("title").like("late%"));
    assertEquals(
        java,
        Filter.parse(
            "year >= 2020 and (tag in ('a','b') or not exists(author)) and title like 'late%'"));
    assertEquals(
        java,
        Filter.parseJson(
            """
            {"and": [{"field": "year", ">=": 2020},
                     {"or": [{"field": "tag", "in": ["a", "b"]}, {"not": {"exists": "author"}}]},
                     {"field": "title", "like": "late%"}]}
            """));
    assertEquals(
        "year >= 2020 and (tag in ('a', 'b') or not exists(author)) and title like 'late%'",
        java.toString());
  }

  @Test
  void everyTreePrintsAsWhatIsParsedAsIt() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 2000; i++) {
      Filter filter = random(random, 4);
      assertEquals(filter, Filter.parse(filter.toString()), filter::toString);
      assertEquals(filter, Filter.parseJson(filter.toJson()), filter::toJson);
    }
  }

  private static Filter random(SplittableRandom random, int depth) {
    String[] fields = {"a", "a.b-c", "größe", "two words", "and", "Null", "a\"b", "ids", "1st"};
    String field = fields[random.nextInt(fields.length)];
    int kind = random.nextInt(depth == 0 ? 5 : 9);
    return switch (kind) {
      case 0 -> new Filter.In(field, List.of(value(random), value(random)));
      case 1 -> new Filter.Like(field, "it's 100\\% %_");
      case 2 -> new Filter.Exists(field);
      case 3 -> random.nextBoolean() ? Filter.ids() : Filter.ids("d'1", "d2");
      case 4 -> {
        Filter.Operator[] all = Filter.Operator.values();
        yield new Filter.Comparison(field, all[random.nextInt(all.length)], value(random));
      }
      case 5, 6 -> new Filter.Not(random(random, depth - 1));
      default -> {
        List<Filter> several = new ArrayList<>();
        for (int i = 2 + random.nextInt(2); i > 0; i--) {
          several.add(random(random, depth - 1));
        }
        yield kind == 7 ? new Filter.And(several) : new Filter.Or(several);
      }
    };
  }

  private static Value value(SplittableRandom random) {
    return switch (random.nextInt(6)) {
      case 0 -> new Value.Truth(random.nextBoolean());
      case 1 -> new Value.Text("it's \"ü\"\n");
      case 2 -> new Value.Text("2020-05-17");
      case 3 -> new Value.Numeral(random.nextInt(-100, 100));
      case 4 -> new Value.Numeral((random.nextDouble() - 0.5) * 1e-9);
      default -> new Value.Numeral(Double.longBitsToDouble(random.nextLong() & ~(1L << 62)));
    };
  }

  @Test
  void whatHasTwoSpellings() {
    assertEquals(Filter.field("a").isNot(1), Filter.parse("a <> 1"));
    assertEquals(Filter.field("a").is(1), Filter.parse("a == 1.0"));
    assertEquals(Filter.not(Filter.field("a").in(1)), Filter.parse("a NOT IN (1)"));
    assertEquals(Filter.not(Filter.field("a").like("b")), Filter.parse("a not like 'b'"));
    assertEquals(Filter.not(Filter.field("a").exists()), Filter.parse("a is null"));
    assertEquals(Filter.field("a").exists(), Filter.parse("a IS NOT NULL"));
    assertEquals(
        Filter.field("a").above(LocalDate.of(2020, 5, 17)), Filter.parse("a > 2020-05-17"));
    assertEquals(
        Filter.field("a").is("2020-05-17T10:30:00+02:00"),
        Filter.parse("a = 2020-05-17T10:30:00+02:00"));
    assertEquals(
        Filter.field("a").atLeast(1).and(Filter.field("a").below(2)),
        Filter.parseJson("{\"field\": \"a\", \">=\": 1, \"<\": 2}"));
  }

  @Test
  void orBindsLessThanAnd() {
    assertEquals(
        Filter.field("a").is(1).or(Filter.field("b").is(2).and(Filter.field("c").is(3))),
        Filter.parse("a = 1 or b = 2 and c = 3"));
  }

  @Test
  void errorsPointAtTheColumn() {
    refused(
        "year >=",
        "filter, column 8: expected a 'string', a number, a date, true or false, found the end: year >=");
    refused(
        "year >= )",
        "filter, column 9: expected a 'string', a number, a date, true or false, found ')': year >= )");
    refused("year = 1 tag = 2", "filter, column 10: expected 'and', 'or' or the end, found 'tag'");
    refused("(a = 1", "filter, column 7: expected ')', found the end");
    refused("a in (1, 2", "filter, column 11: expected ',' or ')', found the end");
    refused("a in ()", "filter, column 7: expected a 'string'");
    refused("a like 5", "filter, column 8: expected a string in 'quotes', found '5'");
    refused("a like 'x\\'", "filter, column 8: the pattern ends with a backslash");
    refused("a = 'b", "filter, column 5: the quote ' is not closed");
    refused(
        "a = b",
        "filter, column 5: expected a 'string', a number, a date, true or false, found 'b'");
    refused("a ~ 1", "filter, column 3: '~' has no meaning");
    refused("a not = 1", "filter, column 7: expected 'in' or 'like', found '='");
    refused(
        "and = 1", "filter, column 1: expected a field (in \"double quotes\" if it has that name)");
    refused("a = 1.2.3", "filter, column 5: expected");
    refused("", "filter, column 1: expected a field, found the end");
    refused("a = 9007199254740993", "filter, column 5: 9007199254740993 has more digits");
    refused("a = 1e999", "filter, column 5: 1e999 has more digits");
    refused("(".repeat(500), "filter, column 201: more than 200 brackets");
  }

  private static void refused(String text, String start) {
    TartanException e = assertThrows(TartanException.class, () -> Filter.parse(text), text);
    assertTrue(e.getMessage().startsWith(start), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void errorsOfJsonPointAtTheColumn() {
    refusedJson("", "filter, column 1: expected an object with \"and\"");
    refusedJson("{", "filter, column 2: malformed JSON");
    refusedJson("{}", "filter, column 2: an object needs one of \"and\"");
    refusedJson("[]", "filter, column 1: expected an object");
    refusedJson("{\"field\": \"a\"}", "filter, column 14: an object needs one of");
    refusedJson("{\"=\": 1}", "filter, column 8: an object needs one of");
    refusedJson(
        "{\"field\": \"a\", \"=\": null}",
        "filter, column 21: expected a string, a number, true or false, found 'null'");
    refusedJson("{\"field\": \"a\", \"in\": []}", "filter, column 23: \"in\" needs a value");
    refusedJson("{\"nor\": []}", "filter, column 2: expected \"and\"");
    refusedJson("{\"and\": []}", "filter, column 10: \"and\" needs a filter");
    refusedJson("{\"ids\": [1]}", "filter, column 10: expected an id, a string, found '1'");
    refusedJson("{\"exists\": \"a\"} x", "filter, column 17: malformed JSON");
    refusedJson("{\"exists\": \"a\", \"ids\": []}", "filter, column 26: an object needs one of");
    refusedJson("{\"not\":".repeat(500), "filter, column 1401: more than 200 filters");
  }

  private static void refusedJson(String json, String start) {
    TartanException e = assertThrows(TartanException.class, () -> Filter.parseJson(json), json);
    assertTrue(e.getMessage().startsWith(start), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void patternsMatchAsInSql() {
    assertTrue(LikePattern.of("late%").matches("late interaction"));
    assertTrue(LikePattern.of("%a_c%").matches("xx abc"));
    assertTrue(LikePattern.of("100\\%").matches("100%"));
    assertTrue(!LikePattern.of("100\\%").matches("1000"));
    assertTrue(LikePattern.of("\\\\%").matches("\\x"));
    assertTrue(LikePattern.of("_").matches("😀"), "a character is a code point");
    assertTrue(LikePattern.of("%").matches(""));
    assertTrue(!LikePattern.of("_").matches(""));
    assertTrue(!LikePattern.of("Late%").matches("late"));
    assertTrue(!LikePattern.of("%a%a%a%a%a%b".repeat(3)).matches("a".repeat(5000)));
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 3000; i++) {
      String pattern = word(random, "ab_%", 6);
      String text = word(random, "ab", 8);
      boolean expected = text.matches(pattern.replace("_", ".").replace("%", ".*"));
      assertEquals(expected, LikePattern.of(pattern).matches(text), pattern + " " + text);
    }
  }

  private static String word(SplittableRandom random, String letters, int most) {
    StringBuilder word = new StringBuilder();
    for (int i = random.nextInt(most); i > 0; i--) {
      word.append(letters.charAt(random.nextInt(letters.length())));
    }
    return word.toString();
  }

  @Test
  void valuesOfJava() {
    assertEquals(new Value.Numeral(5), Value.of(5));
    assertEquals(new Value.Numeral(0), Value.of(-0.0));
    assertThrows(IllegalArgumentException.class, () -> Value.of(9007199254740993L));
    assertThrows(IllegalArgumentException.class, () -> Value.of(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> Value.of(List.of()));
  }
}
