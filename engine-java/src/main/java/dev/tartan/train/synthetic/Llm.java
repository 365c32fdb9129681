package dev.tartan.train.synthetic;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.memory.TartanException;
import java.net.URI;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A language model behind an address.
 *
 * @param address of chat completions
 * @param model its name there
 * @param key what proves who asks; null for nobody in particular
 * @param fields a JSON object of more fields of a request, or other values of those that are there;
 *     null takes one away
 */
public record Llm(URI address, String model, @Nullable Key key, String fields) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PATH = "/chat/completions";
  private static final int MAX_TOKENS = 200;

  /**
   * A secret and the variable that it came from. Never printed.
   *
   * @param variable for messages
   */
  public record Key(String secret, String variable) {
    @Override
    public String toString() {
      return "the key in " + variable;
    }
  }

  /**
   * Checks the values.
   *
   * @param address base address, such as {@code http://localhost:8000/v1}
   * @throws TartanException that names the first that makes no sense
   */
  public static Llm of(String address, String model, @Nullable Key key, String fields) {
    if (model.isBlank()) {
      throw new TartanException("the name of the language model is blank");
    }
    if (key != null && !key.secret().chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new TartanException(key + " is none: it has blanks or letters that no key has");
    }
    Llm llm = new Llm(endpoint(address), model, key, fields);
    llm.body(List.of());
    return llm;
  }

  private static URI endpoint(String address) {
    String base = address.strip().replaceFirst("/+$", "");
    try {
      URI uri = URI.create(base.endsWith(PATH) ? base : base + PATH);
      String scheme = String.valueOf(uri.getScheme());
      if ((scheme.equals("https") || scheme.equals("http"))
          && uri.getHost() != null
          && uri.getUserInfo() == null) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      throw wrong(address, e);
    }
    throw wrong(address, null);
  }

  private static TartanException wrong(String address, @Nullable Exception cause) {
    return new TartanException(
        "'%s' is no address of a language model; give one such as http://localhost:8000/v1"
            .formatted(address),
        cause == null ? new IllegalArgumentException(address) : cause);
  }

  /** The body of a request. */
  String body(List<Message> messages) {
    ObjectNode body = JSON.createObjectNode().put("model", model);
    body.set("messages", JSON.valueToTree(messages));
    body.put("max_tokens", MAX_TOKENS);
    try {
      JsonNode more = JSON.readTree(fields);
      if (!more.isObject()) {
        throw new TartanException(
            "'%s' is no JSON object; write fields such as {\"temperature\": 0.7}"
                .formatted(fields));
      }
      more.properties()
          .forEach(
              field -> {
                if (field.getValue().isNull()) {
                  body.remove(field.getKey());
                } else {
                  body.set(field.getKey(), field.getValue());
                }
              });
      return JSON.writeValueAsString(body);
    } catch (JsonProcessingException e) {
      throw new TartanException(
          "'%s' is no JSON; write fields such as {\"temperature\": 0.7}".formatted(fields), e);
    }
  }

  /** {@code text} on one line without the key, which servers like to repeat, and cut. */
  String clean(String text) {
    String line = text.replaceAll("[\\p{Cntrl}\\p{Cs}\\s]+", " ").strip();
    String safe = key == null ? line : line.replace(key.secret(), "***");
    return safe.length() > 200 ? Prompts.cut(safe, 200) + "..." : safe;
  }

  /** For messages. */
  @Override
  public String toString() {
    return model + " at " + address;
  }
}
