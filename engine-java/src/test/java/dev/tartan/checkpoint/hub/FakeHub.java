package dev.tartan.checkpoint.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Answers as the hub does, with one model: small files itself with git's checksum, weights by a
 * redirect to another host, with the checksum in the headers. Can be told to misbehave.
 */
public final class FakeHub implements AutoCloseable {
  public static final String NAME = "some-org/tiny.model";
  public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  /** A request as it came; {@code by} is "hub" or "cdn". */
  record Request(String by, String method, String path, Headers headers) {}

  final List<Request> requests = new CopyOnWriteArrayList<>();
  final Map<String, byte[]> files = new TreeMap<>();

  /** After how many bytes the next answers with weights break off. */
  final Deque<Integer> cuts = new ConcurrentLinkedDeque<>();

  /** How many answers with weights have a wrong byte. */
  final AtomicInteger damaged = new AtomicInteger();

  /** Statuses of the next answers, with Retry-After 0. */
  final Deque<Integer> busy = new ConcurrentLinkedDeque<>();

  volatile boolean ranges = true;
  volatile @Nullable String token;
  volatile long statedSize = -1;

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer hub;
  private final HttpServer cdn;

  public FakeHub() throws IOException {
    hub = server("hub", this::answer);
    cdn = server("cdn", this::weights);
  }

  private interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  private HttpServer server(String by, Answer answer) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(
        "/",
        exchange -> {
          String path = exchange.getRequestURI().getRawPath();
          Headers headers = exchange.getRequestHeaders();
          requests.add(new Request(by, exchange.getRequestMethod(), path, headers));
          try {
            answer.to(exchange);
          } finally {
            exchange.close();
          }
        });
    server.start();
    return server;
  }

  /** Serves the files of a folder, with some that no checkpoint needs. */
  public FakeHub with(Path folder) throws IOException {
    try (var paths = Files.walk(folder)) {
      for (Path file : paths.filter(Files::isRegularFile).toList()) {
        files.put(folder.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    files.put("README.md", "read me".getBytes(StandardCharsets.UTF_8));
    files.put("onnx/model.onnx", new byte[100]);
    return this;
  }

  public String address() {
    return "http://127.0.0.1:" + hub.getAddress().getPort();
  }

  /** How many times weights were sent. */
  public long sent() {
    return requests.stream().filter(request -> request.by().equals("cdn")).count();
  }

  private void answer(HttpExchange exchange) throws IOException {
    Integer status = busy.poll();
    String path = exchange.getRequestURI().getRawPath();
    String auth = exchange.getRequestHeaders().getFirst("Authorization");
    if (status != null) {
      exchange.getResponseHeaders().set("Retry-After", "0");
      exchange.sendResponseHeaders(status, -1);
    } else if (token != null && auth != null && !auth.equals("Bearer " + token)) {
      exchange.sendResponseHeaders(401, -1);
    } else if (path.contains("old-org/old")) {
      exchange
          .getResponseHeaders()
          .set("Location", path.replace("old-org/old", NAME)); // the model was renamed
      exchange.sendResponseHeaders(307, -1);
    } else if (!path.contains("/" + NAME + "/")) {
      refuse(exchange, auth == null ? 401 : 404, "RepoNotFound");
    } else if (token != null && auth == null) {
      refuse(exchange, 401, "GatedRepo");
    } else if (path.startsWith("/api/")) {
      listing(exchange, path.substring(path.lastIndexOf('/') + 1));
    } else {
      file(exchange, path.substring(("/" + NAME + "/resolve/" + COMMIT + "/").length()));
    }
  }

  private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    exchange.sendResponseHeaders(status, -1);
  }

  private void listing(HttpExchange exchange, String revision) throws IOException {
    if (!List.of("main", COMMIT, "refs%2Fpr%2F1").contains(revision)) {
      refuse(exchange, 404, "RevisionNotFound");
      return;
    }
    List<Map<String, String>> siblings = new ArrayList<>();
    files.keySet().forEach(name -> siblings.add(Map.of("rfilename", name)));
    byte[] json = new ObjectMapper().writeValueAsBytes(Map.of("sha", COMMIT, "siblings", siblings));
    exchange.sendResponseHeaders(200, json.length);
    exchange.getResponseBody().write(json);
  }

  static boolean isLarge(String name) {
    return name.matches(".*\\.(safetensors|bin|pt|onnx)");
  }

  private void file(HttpExchange exchange, String name) throws IOException {
    byte[] content = files.get(name);
    if (content == null) {
      refuse(exchange, 404, "EntryNotFound");
      return;
    }
    Headers headers = exchange.getResponseHeaders();
    headers.set("X-Repo-Commit", COMMIT);
    if (isLarge(name)) {
      headers.set("X-Linked-Etag", "\"" + sha256(content) + "\"");
      headers.set("X-Linked-Size", "" + (statedSize < 0 ? content.length : statedSize));
      headers.set(
          "Location", "http://localhost:" + cdn.getAddress().getPort() + "/" + name + "?signed=1");
      exchange.sendResponseHeaders(302, -1);
      return;
    }
    headers.set("ETag", "\"" + gitSha1(content) + "\"");
    if (exchange.getRequestMethod().equals("HEAD")) {
      headers.set("Content-Length", "" + content.length);
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    exchange.sendResponseHeaders(200, content.length == 0 ? -1 : content.length);
    exchange.getResponseBody().write(content);
  }

  private void weights(HttpExchange exchange) throws IOException {
    byte[] content = files.get(exchange.getRequestURI().getPath().substring(1)).clone();
    if (damaged.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
      content[content.length / 2] ^= 1;
    }
    String tag = "\"cdn-" + content.length + "\"";
    String range = exchange.getRequestHeaders().getFirst("Range");
    String condition = exchange.getRequestHeaders().getFirst("If-Range");
    exchange.getResponseHeaders().set("ETag", tag);
    int from = 0;
    if (range != null && ranges && (condition == null || condition.equals(tag))) {
      from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
      exchange
          .getResponseHeaders()
          .set(
              "Content-Range",
              "bytes %d-%d/%d".formatted(from, content.length - 1, content.length));
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
    Integer cut = cuts.poll();
    int to = cut == null ? content.length : Math.min(content.length, from + cut);
    exchange.getResponseBody().write(content, from, to - from);
    exchange.getResponseBody().flush();
  }

  static String sha256(byte[] content) {
    return hex("SHA-256", content);
  }

  static String gitSha1(byte[] content) {
    byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] all = Arrays.copyOf(header, header.length + content.length);
    System.arraycopy(content, 0, all, header.length, content.length);
    return hex("SHA-1", all);
  }

  private static String hex(String algorithm, byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    cdn.stop(0);
    threads.shutdownNow();
  }
}
