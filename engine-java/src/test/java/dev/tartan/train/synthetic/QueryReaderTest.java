package dev.tartan.train.synthetic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.tartan.train.synthetic.FakeLlm.Answer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What models and servers say instead of a query. */
class QueryReaderTest {
  private static final String PASSAGE =
      "Migraine with aura is a risk factor for ischemic stroke in women under 45 who smoke and take"
          + " oral contraceptives. 偏头痛先兆是四十五岁以下吸烟并服用口服避孕药的女性发生缺血性中风的危险因素，这一点在多项大型前瞻性研究中得到了证实，而且在不同人群中结果一致。";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "does aura raise stroke risk",
        "  does aura raise stroke risk\n\n",
        "Query: does aura raise stroke risk",
        "**Query:** \"does aura raise stroke risk\"",
        "- does aura raise stroke risk",
        "1. Search query: does aura raise  stroke risk",
        "“does aura raise stroke risk”",
        "<think>The user wants\na query.</think>\n\ndoes aura raise stroke risk",
        "does aura raise\u0000stroke\ud800risk",
      })
  void manners(String content) {
    assertEquals(
        new QueryReader("does aura raise stroke risk", null), QueryReader.read(content, PASSAGE));
  }

  @Test
  void noNonsense() {
    Map<String, Failure> wrong =
        Map.ofEntries(
            Map.entry("", Failure.EMPTY),
            Map.entry(" \n\t ", Failure.EMPTY),
            Map.entry("?", Failure.EMPTY),
            Map.entry("<think>hm</think>", Failure.EMPTY),
            Map.entry("Query:", Failure.EMPTY),
            Map.entry("I'm sorry, but I can't help with that.", Failure.REFUSED),
            Map.entry("I’m sorry.\nI cannot.", Failure.REFUSED),
            Map.entry("As an AI language model, I do not search.", Failure.REFUSED),
            Map.entry("first query\nsecond query", Failure.SEVERAL_LINES),
            Map.entry("{\"query\": \"does aura raise stroke risk\"}", Failure.MARKUP),
            Map.entry("```\ndoes aura raise stroke risk\n```", Failure.MARKUP),
            Map.entry("<think>without an end", Failure.MARKUP),
            Map.entry("why ".repeat(65), Failure.TOO_LONG),
            Map.entry("w".repeat(401), Failure.TOO_LONG),
            Map.entry(PASSAGE, Failure.COPIED),
            Map.entry(
                "\"Migraine with aura is a risk factor for ischemic stroke in women.\"",
                Failure.COPIED),
            Map.entry(
                "偏头痛先兆是四十五岁以下吸烟并服用口服避孕药的女性发生缺血性中风的危险因素，这一点在多项大型前瞻性研究中得到了证实，而且在不同人群中",
                Failure.COPIED),
            Map.entry("what does the passage say of stroke", Failure.ABOUT_PASSAGE),
            Map.entry("which women does this study concern", Failure.ABOUT_PASSAGE));
    wrong.forEach(
        (content, failure) ->
            assertEquals(
                new QueryReader(null, failure), QueryReader.read(content, PASSAGE), content));
    assertNull(QueryReader.read("risk factor for ischemic stroke", PASSAGE).failure());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|WRONG_SHAPE",
        "<html>busy</html>|NO_JSON",
        "{\"choices\": [{\"message\": {\"content\": \"ab|NO_JSON",
        "{\"choices\": []} x|NO_JSON",
        "{}|WRONG_SHAPE",
        "[]|WRONG_SHAPE",
        "7|WRONG_SHAPE",
        "{\"choices\": [{\"text\": \"old protocol\"}]}|WRONG_SHAPE",
        "{\"choices\": [{\"message\": {\"content\": [\"a\"]}}]}|WRONG_SHAPE",
        "{\"choices\": [{\"message\": {\"content\": 5}}]}|WRONG_SHAPE",
        "{\"choices\": [{\"message\": {\"content\": null}}]}|EMPTY",
        "{\"choices\": [{\"message\": {\"content\": null, \"refusal\": \"no\"}}]}|REFUSED",
        "{\"choices\": [{\"message\": {\"content\": \"\"}, \"finish_reason\": \"content_filter\"}]}|REFUSED",
        "{\"choices\": [{\"message\": {\"content\": \"half a\"}, \"finish_reason\": \"length\"}]}|CUT_OFF",
        "{\"error\": {\"message\": \"overloaded\"}}|ERROR_BODY",
        "{\"error\": \"overloaded\", \"choices\": []}|ERROR_BODY",
      })
  void bodies(String body, Failure failure) {
    Reply reply = ReplyReader.read(body.getBytes(StandardCharsets.UTF_8), 400, 2);
    assertEquals(failure, reply.failure());
    assertNull(reply.content());
    assertEquals(2, reply.requests());
    assertEquals(failure == Failure.ERROR_BODY ? 0 : 100, reply.usage().prompt());
  }

  @Test
  void bytesThatAreNoText() {
    byte[] body = Answer.says("hi").body().getBytes(StandardCharsets.UTF_8);
    body[body.length / 2] = (byte) 0xFF;
    assertEquals(Failure.NO_JSON, ReplyReader.read(body, 0, 1).failure());
  }

  @Test
  void tokensAreEstimatedWhereNobodyCounts() {
    String body = "{\"choices\": [{\"message\": {\"content\": \"twelve chars\"}}]}";
    Reply reply = ReplyReader.read(body.getBytes(StandardCharsets.UTF_8), 400, 1);
    assertEquals("twelve chars", reply.content());
    assertEquals(new Usage(100, 3, 1), reply.usage());
    assertEquals(103, Objects.requireNonNull(reply.usage()).tokens());
  }
}
