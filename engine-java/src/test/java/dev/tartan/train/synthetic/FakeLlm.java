package dev.tartan.train.synthetic;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Speaks the protocol of chat completions. By default it makes a query of words of the passage; a
 * test tells it to misbehave.
 */
public final class FakeLlm implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * A request as it came.
   *
   * @param nth of those with the same body, from 1
   */
  public record Asked(JsonNode body, String passage, int nth, @Nullable String authorization) {
    public String model() {
      return body.path("model").asText();
    }
  }

  /**
   * What to answer.
   *
   * @param cut bytes of the body before the connection breaks; -1 for all
   * @param millis to wait before
   */
  public record Answer(int status, Map<String, String> headers, String body, int cut, int millis) {
    public static Answer of(int status, String body) {
      return new Answer(status, Map.of(), body, -1, 0);
    }

    /** A status that says when to come again. */
    public static Answer later(int status, String retryAfter) {
      return new Answer(
          status,
          Map.of("Retry-After", retryAfter),
          "{\"error\": {\"message\": \"slow down\"}}",
          -1,
          0);
    }

    /** A message as a model writes it. */
    public static Answer says(String content) {
      return of(200, message(content, "stop"));
    }

    public Answer cutAfter(int bytes) {
      return new Answer(status, headers, body, bytes, millis);
    }

    public Answer after(int wait) {
      return new Answer(status, headers, body, cut, wait);
    }
  }

  /** Decides on an answer; called by many threads. */
  public interface Manners {
    Answer answer(Asked asked);
  }

  public final List<Asked> asked = new CopyOnWriteArrayList<>();
  private final Map<String, Integer> times = new ConcurrentHashMap<>();
  private volatile Manners manners = FakeLlm::well;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;

  public FakeLlm() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/v1/chat/completions", this::handle);
    server.start();
  }

  public FakeLlm with(Manners other) {
    manners = other;
    return this;
  }

  public String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
  }

  /** Words of the passage, in another order so that it is not a copy. */
  public static Answer well(Asked asked) {
    return Answer.says(query(asked.passage()));
  }

  public static String query(String passage) {
    String[] words = passage.replaceAll("[^\\p{L}\\p{N} ]", " ").strip().split("\\s+");
    StringBuilder query = new StringBuilder();
    for (int i = Math.min(words.length, 12) - 1; i >= 0; i--) {
      query.append(words[i]).append(' ');
    }
    return query.toString().strip();
  }

  /** The body of an answer; a token is a character here. */
  public static String message(String content, String end) {
    return JSON.createObjectNode()
        .<com.fasterxml.jackson.databind.node.ObjectNode>set(
            "choices",
            JSON.valueToTree(
                List.of(
                    Map.of(
                        "finish_reason",
                        end,
                        "message",
                        Map.of("role", "assistant", "content", content)))))
        .<com.fasterxml.jackson.databind.node.ObjectNode>set(
            "usage",
            JSON.valueToTree(Map.of("prompt_tokens", 100, "completion_tokens", content.length())))
        .toString();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      JsonNode body = JSON.readTree(text);
      JsonNode messages = body.path("messages");
      String passage =
          messages
              .path(messages.size() - 1)
              .path("content")
              .asText()
              .replaceAll("(?s)^Passage: (.*)\\n\\nQuery:$", "$1");
      int nth = times.merge(text, 1, Integer::sum);
      String authorization = exchange.getRequestHeaders().getFirst("Authorization");
      Asked one = new Asked(body, passage, nth, authorization);
      asked.add(one);
      send(exchange, manners.answer(one));
    }
  }

  private static void send(HttpExchange exchange, Answer answer) throws IOException {
    pause(answer.millis());
    answer.headers().forEach(exchange.getResponseHeaders()::set);
    byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(answer.status(), body.length == 0 ? -1 : body.length);
    int bytes = answer.cut() < 0 ? body.length : Math.min(answer.cut(), body.length);
    exchange.getResponseBody().write(body, 0, bytes);
    exchange.getResponseBody().flush();
  }

  private static void pause(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
