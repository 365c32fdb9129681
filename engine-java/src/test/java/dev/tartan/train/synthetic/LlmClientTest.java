package dev.tartan.train.synthetic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Backoff;
import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.FakeLlm.Answer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The protocol and what servers do to it. */
class LlmClientTest {
  private static final String SECRET = "sk-very-secret-0123456789";
  private static final List<Message> HELLO = List.of(new Message("user", "hello"));

  @TempDir Path directory;
  private Journal journal;
  private FakeLlm server;

  @BeforeEach
  void open() throws IOException {
    journal = Journal.open(directory.resolve("journal.jsonl"));
    server = new FakeLlm();
  }

  @AfterEach
  void close() {
    server.close();
    journal.close();
  }

  private Budget unbounded() {
    return new Budget(0, 0, journal);
  }

  private LlmClient client(String address, String fields, int millis) {
    Llm llm = Llm.of(address, "m", new Llm.Key(SECRET, "MY_KEY"), fields);
    return new LlmClient(llm, new LlmClient.Patience(Duration.ofMillis(millis), 3, new Backoff(1)));
  }

  private Reply ask(FakeLlm.Manners manners) {
    server.with(manners);
    try (LlmClient client = client(server.address(), "{}", 5000)) {
      return Objects.requireNonNull(client.ask(HELLO, unbounded()));
    }
  }

  private String stopped(FakeLlm.Manners manners) {
    String message = assertThrows(TartanException.class, () -> ask(manners)).getMessage();
    assertFalse(message.contains(SECRET), message);
    assertEquals(1, message.lines().count(), message);
    return message;
  }

  @Test
  void speaksTheProtocol() {
    server.with(_ -> Answer.says("hi"));
    String fields = "{\"temperature\": 0.5, \"max_tokens\": null, \"max_completion_tokens\": 9}";
    try (LlmClient client = client(server.address() + "/", fields, 5000)) {
      Reply reply = Objects.requireNonNull(client.ask(HELLO, unbounded()));
      assertEquals(new Reply("hi", null, null, 1, new Usage(100, 2, 0)), reply);
    }
    FakeLlm.Asked asked = server.asked.getFirst();
    assertEquals("Bearer " + SECRET, asked.authorization());
    assertEquals("m", asked.model());
    assertEquals("user", asked.body().path("messages").path(0).path("role").asText());
    assertEquals("hello", asked.body().path("messages").path(0).path("content").asText());
    assertEquals(0.5, asked.body().path("temperature").asDouble());
    assertTrue(asked.body().path("max_tokens").isMissingNode());
    assertEquals(9, asked.body().path("max_completion_tokens").asInt());
  }

  @ParameterizedTest
  @ValueSource(ints = {429, 500, 502, 503, 408})
  void busyServersAreAskedAgain(int status) {
    Reply reply = ask(a -> a.nth() < 4 ? Answer.later(status, "0") : Answer.says("hi"));
    assertEquals("hi", reply.content());
    assertEquals(4, reply.requests());
  }

  @ParameterizedTest
  @CsvSource({"429, BUSY, 429: slow down", "500, SERVER, 500: slow down"})
  void retriesEnd(int status, Failure failure, String detail) {
    Reply reply = ask(_ -> Answer.later(status, "0"));
    assertEquals(new Reply(null, failure, detail, 4, Usage.NONE), reply);
    assertEquals(4, server.asked.size());
  }

  @Test
  void waitsAsLongAsTheServerSays() {
    long start = System.nanoTime();
    ask(a -> a.nth() < 2 ? Answer.later(429, "0.3") : Answer.says("hi"));
    assertTrue(System.nanoTime() - start >= 300_000_000);
  }

  @Test
  void retryAfterIsSecondsOrADate() {
    Backoff backoff = new Backoff(100);
    assertEquals(100, backoff.millis(1));
    assertEquals(800, backoff.millis(4, "soon"));
    assertEquals(3200, backoff.millis(40, ""));
    assertEquals(7000, backoff.millis(1, "7"));
    String past =
        DateTimeFormatter.RFC_1123_DATE_TIME.format(
            ZonedDateTime.of(2020, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC));
    assertEquals(0, backoff.millis(3, past));
  }

  @Test
  void cutConnectionsAreAskedAgain() {
    Reply reply =
        ask(a -> a.nth() < 4 ? Answer.says("hi there").cutAfter(10 * a.nth()) : Answer.says("hi"));
    assertEquals("hi", reply.content());
    assertEquals(4, reply.requests());
    Reply never = ask(_ -> Answer.says("hi there").cutAfter(5));
    assertEquals(Failure.CONNECTION, never.failure());
  }

  @Test
  void silentServersTimeOut() {
    server.with(a -> Answer.says("hi").after(a.nth() < 2 ? 5000 : 0));
    try (LlmClient client = client(server.address(), "{}", 700)) {
      Reply reply = Objects.requireNonNull(client.ask(HELLO, unbounded()));
      assertEquals("hi", reply.content());
      assertTrue(reply.requests() >= 2, reply.requests() + " requests");
    }
    server.with(_ -> Answer.says("hi").after(5000));
    try (LlmClient client = client(server.address(), "{}", 100)) {
      Reply reply = Objects.requireNonNull(client.ask(HELLO, unbounded()));
      assertEquals(Failure.TIMED_OUT, reply.failure());
    }
  }

  @Test
  void aBodyWithoutEndIsNotRead() {
    Reply reply = ask(_ -> Answer.of(200, "x".repeat(5 << 20)));
    assertEquals(Failure.CONNECTION, reply.failure());
  }

  @Test
  void whatWillNeverBeAnsweredStopsAtOnce() {
    String wrongKey =
        stopped(
            _ ->
                Answer.of(
                    401, "{\"error\": {\"message\": \"Incorrect API key: " + SECRET + "\\n\"}}"));
    assertTrue(
        wrongKey.contains("refuses the key in MY_KEY (401: Incorrect API key: ***)"), wrongKey);
    assertTrue(stopped(_ -> Answer.of(403, "")).contains("refuses the key in MY_KEY (403"));
    String noModel = stopped(_ -> Answer.of(404, "{\"error\": \"model 'm' not found\"}"));
    assertTrue(noModel.contains("no such model or address (404: model 'm' not found)"), noModel);
    assertTrue(stopped(_ -> Answer.of(308, "")).contains("answers status 308"));
    assertTrue(
        stopped(_ -> Answer.later(429, "86400")).contains("left alone for 1440 minutes (429"));
    assertEquals(5, server.asked.size());
    String address = server.address();
    server.close();
    try (LlmClient client = client(address, "{}", 1000)) {
      TartanException e =
          assertThrows(TartanException.class, () -> client.ask(HELLO, new Budget(1, 0, journal)));
      assertTrue(
          e.getMessage().contains("m at " + address + "/chat/completions cannot be reached"));
    }
  }

  @Test
  void anAddressOfAnotherKindStopsAtOnce() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> answerInPlainText(socket));
      String address = "https://127.0.0.1:" + socket.getLocalPort() + "/v1";
      try (LlmClient client = client(address, "{}", 5000)) {
        TartanException e =
            assertThrows(TartanException.class, () -> client.ask(HELLO, new Budget(1, 0, journal)));
        assertTrue(e.getMessage().matches(".* cannot be reached \\(.*SSL.*"), e.getMessage());
      }
    }
  }

  private static void answerInPlainText(ServerSocket socket) {
    try (Socket connection = socket.accept()) {
      byte[] answer = "HTTP/1.1 400 TLS?\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
      connection.getOutputStream().write(answer);
      while (connection.getInputStream().read() >= 0) {} // closing sooner would lose the answer
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void whatIsWrongWithOneAskIsNotAskedAgain() {
    Reply reply = ask(_ -> Answer.of(400, "{\"error\": {\"message\": \"too many tokens\"}}"));
    assertEquals(Failure.REJECTED, reply.failure());
    assertEquals("400: too many tokens", reply.detail());
    assertEquals(1, server.asked.size());
  }

  @Test
  void requestsNeverGoBeyondTheBudget() {
    server.with(_ -> Answer.later(429, "0"));
    Budget budget = new Budget(6, 0, journal);
    try (LlmClient client = client(server.address(), "{}", 5000)) {
      assertEquals(4, Objects.requireNonNull(client.ask(HELLO, budget)).requests());
      assertNull(budget.exhausted());
      assertEquals(2, Objects.requireNonNull(client.ask(HELLO, budget)).requests());
      assertEquals("6 requests", budget.exhausted());
      assertNull(client.ask(HELLO, budget));
    }
    assertEquals(6, server.asked.size());
  }

  @Test
  void tokensEndTheBudget() {
    server.with(_ -> Answer.says("hi"));
    Budget budget = new Budget(0, 150, journal);
    try (LlmClient client = client(server.address(), "{}", 5000)) {
      assertNotNull(client.ask(HELLO, budget));
      assertNotNull(client.ask(HELLO, budget));
      assertNull(client.ask(HELLO, budget));
      assertEquals("150 tokens", budget.exhausted());
    }
  }

  @Test
  void wrongAddressesAndFieldsAreRefused() {
    for (String wrong :
        List.of("", "localhost:8000", "ftp://a/v1", "http://u:p@host/v1", "http://")) {
      assertThrows(TartanException.class, () -> Llm.of(wrong, "m", null, "{}"), wrong);
    }
    for (String wrong : List.of("", "[]", "{", "1")) {
      assertThrows(TartanException.class, () -> Llm.of("http://a", "m", null, wrong), wrong);
    }
    TartanException e =
        assertThrows(
            TartanException.class,
            () -> Llm.of("http://a", "m", new Llm.Key("two words", "MY_KEY"), "{}"));
    assertEquals(
        "the key in MY_KEY is none: it has blanks or letters that no key has", e.getMessage());
    Llm llm = Llm.of("http://a/v1", "m", new Llm.Key(SECRET, "MY_KEY"), "{}");
    assertFalse((llm + " " + llm.key()).contains(SECRET));
    assertEquals(llm.address(), Llm.of("http://a/v1/chat/completions/", "m", null, "{}").address());
  }
}
