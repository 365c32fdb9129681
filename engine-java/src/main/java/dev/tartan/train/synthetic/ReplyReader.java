package dev.tartan.train.synthetic;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Reads the body of an answer with status 200, whatever is in it. */
final class ReplyReader {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final int CHARACTERS_A_TOKEN = 4;

  private ReplyReader() {}

  /**
   * @param asked characters of the request, to estimate tokens by where the server does not say
   */
  static Reply read(byte[] body, int asked, int requests) {
    JsonNode json;
    try {
      json = JSON.readTree(body);
    } catch (IOException e) {
      return new Reply(
          null, Failure.NO_JSON, start(body), requests, usage(null, asked, body.length));
    }
    JsonNode error = json.path("error");
    if (!error.isMissingNode() && !error.isNull()) {
      return Reply.failed(Failure.ERROR_BODY, message(error), requests);
    }
    JsonNode choice = json.path("choices").path(0);
    JsonNode message = choice.path("message");
    JsonNode content = message.path("content");
    String text = content.asText("");
    Usage usage = usage(json.path("usage"), asked, text.length());
    Failure failure = failure(choice, message, content);
    if (failure == null) {
      return new Reply(text, null, null, requests, usage);
    }
    String detail = failure == Failure.WRONG_SHAPE ? start(body) : text;
    return new Reply(null, failure, detail, requests, usage);
  }

  private static @Nullable Failure failure(JsonNode choice, JsonNode message, JsonNode content) {
    String end = choice.path("finish_reason").asText("");
    if (!message.isObject()) {
      return Failure.WRONG_SHAPE;
    }
    if (!message.path("refusal").asText("").isBlank() || end.equals("content_filter")) {
      return Failure.REFUSED;
    }
    if (end.equals("length")) {
      return Failure.CUT_OFF;
    }
    if (content.isNull() || content.isMissingNode()) {
      return Failure.EMPTY;
    }
    return content.isTextual() ? null : Failure.WRONG_SHAPE;
  }

  private static Usage usage(@Nullable JsonNode stated, int asked, int answered) {
    if (stated != null && stated.path("prompt_tokens").isIntegralNumber()) {
      return new Usage(
          Math.max(0, stated.path("prompt_tokens").asLong()),
          Math.max(0, stated.path("completion_tokens").asLong()),
          0);
    }
    return new Usage(
        Math.ceilDiv(asked, CHARACTERS_A_TOKEN), Math.ceilDiv(answered, CHARACTERS_A_TOKEN), 1);
  }

  /** What a server says of an error, in either of the two usual shapes. */
  static String message(JsonNode error) {
    return error.isTextual() ? error.asText() : error.path("message").asText(error.toString());
  }

  /** As {@link #message(JsonNode)} of a body that may be anything. */
  static String message(byte[] body) {
    try {
      JsonNode error = JSON.readTree(body).path("error");
      return error.isMissingNode() ? start(body) : message(error);
    } catch (IOException e) {
      return start(body);
    }
  }

  private static String start(byte[] body) {
    return new String(body, 0, Math.min(body.length, 600), StandardCharsets.UTF_8);
  }
}
