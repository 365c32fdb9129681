package dev.tartan.checkpoint.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.Backoff;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Asks the hub about one model. Follows redirects itself, because the token is for the hub only:
 * files lie with another host. Busy and broken answers are asked for again. Safe for concurrent
 * use.
 */
final class HubClient implements AutoCloseable {
  private static final Duration CONNECT = Duration.ofSeconds(15);
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final Pattern CHECKSUM = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
  private static final int TRIES = 4;
  private static final int REDIRECTS = 8;
  private static final long LONGEST_PAUSE_MILLIS = 120_000;
  static final Backoff BACKOFF = new Backoff(250);
  static final String DURING = "a model was fetched";

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(CONNECT)
          .build();
  private final HubSettings settings;
  private final HubName name;
  private final HubErrors errors;

  HubClient(HubSettings settings, HubName name) {
    this.settings = settings;
    this.name = name;
    this.errors = new HubErrors(settings, name);
  }

  /**
   * A revision as the hub has it now.
   *
   * @param commit 40 hexadecimal digits
   * @param paths of all files
   */
  record Listing(String commit, Set<String> paths) {}

  /**
   * One file.
   *
   * @param address where the hub gives it
   * @param checksum of the content: SHA-256, or SHA-1 as git has it
   * @param size bytes
   */
  record RemoteFile(String path, URI address, String checksum, long size) {}

  HubErrors errors() {
    return errors;
  }

  /** Resolves the revision that the name states. */
  Listing listing() {
    URI uri = address("/api/models/" + name.repository() + "/revision/" + encoded(name.revision()));
    HttpResponse<InputStream> response = exchange("GET", uri, Map.of(), true);
    try (InputStream body = response.body()) {
      if (response.statusCode() != 200) {
        throw errors.refused(response, "");
      }
      JsonNode json = new ObjectMapper().readTree(body);
      String commit = json.path("sha").asText();
      if (!HubName.isCommit(commit) || !json.path("siblings").isArray()) {
        throw errors.nonsense("without a commit or a list of files");
      }
      Set<String> paths = new LinkedHashSet<>();
      json.path("siblings").forEach(file -> paths.add(file.path("rfilename").asText()));
      return new Listing(commit, paths);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw errors.nonsense("what is no JSON");
    } catch (IOException e) {
      throw errors.unreachable(e);
    }
  }

  /** Asks for the checksum and the size of a file. */
  RemoteFile file(String commit, String path) {
    URI uri = address("/" + name.repository() + "/resolve/" + commit + "/" + encodedPath(path));
    HttpResponse<InputStream> response = exchange("HEAD", uri, Map.of(), false);
    close(response);
    // a large file is a redirect to where it lies, with its checksum in the headers
    if (response.statusCode() != 200 && response.statusCode() / 100 != 3) {
      throw errors.refused(response, path);
    }
    String checksum =
        header(response, "X-Linked-Etag", header(response, "ETag", ""))
            .replaceFirst("^W/", "")
            .replace("\"", "");
    String size = header(response, "X-Linked-Size", header(response, "Content-Length", ""));
    if (!CHECKSUM.matcher(checksum).matches() || !size.matches("\\d{1,18}")) {
      throw errors.nonsense("without checksum or size of '" + path + "'");
    }
    return new RemoteFile(path, uri, checksum, Long.parseLong(size));
  }

  /**
   * Starts a download, wherever the hub sends it.
   *
   * @param headers such as Range
   * @return an answer with status 200, 206 or 416
   */
  HttpResponse<InputStream> download(RemoteFile file, Map<String, String> headers) {
    HttpResponse<InputStream> response = exchange("GET", file.address(), headers, true);
    int status = response.statusCode();
    if (status != 200 && status != 206 && status != 416) {
      close(response);
      throw isHub(response.uri())
          ? errors.refused(response, file.path())
          : errors.failed(status, file.path());
    }
    return response;
  }

  /**
   * @param away whether redirects to what has a checksum already are followed
   */
  private HttpResponse<InputStream> exchange(
      String method, URI uri, Map<String, String> headers, boolean away) {
    for (int attempt = 1; ; attempt++) {
      try {
        HttpResponse<InputStream> response = follow(method, uri, headers, away);
        int status = response.statusCode();
        if (status != 429 && status < 500) {
          return response;
        }
        close(response);
        long pause = BACKOFF.millis(attempt, header(response, "Retry-After", ""));
        if (attempt == TRIES || pause > LONGEST_PAUSE_MILLIS) {
          throw errors.refused(response, "");
        }
        Backoff.pause(pause, DURING);
      } catch (IOException e) {
        if (attempt == TRIES) {
          throw errors.unreachable(e);
        }
        Backoff.pause(BACKOFF.millis(attempt), DURING);
      }
    }
  }

  private HttpResponse<InputStream> follow(
      String method, URI start, Map<String, String> headers, boolean away) throws IOException {
    URI uri = start;
    for (int hop = 0; hop < REDIRECTS; hop++) {
      HttpResponse<InputStream> response = send(method, uri, headers);
      String location = header(response, "Location", "");
      boolean isEnd = !away && response.headers().firstValue("X-Linked-Etag").isPresent();
      if (response.statusCode() / 100 != 3 || location.isEmpty() || isEnd) {
        return response;
      }
      close(response);
      uri = target(uri, location);
    }
    throw errors.nonsense("with redirects that do not end");
  }

  private URI target(URI from, String location) {
    URI target;
    try {
      target = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw errors.nonsense("with a redirect to '" + location + "', which is no address");
    }
    String scheme = String.valueOf(target.getScheme());
    if (!scheme.equals("https") && !scheme.equals(settings.endpoint().getScheme())) {
      throw errors.nonsense("with a redirect to '" + target + "', which is not safe");
    }
    return target;
  }

  private HttpResponse<InputStream> send(String method, URI uri, Map<String, String> headers)
      throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .timeout(ANSWER)
            .header("User-Agent", "tartan/0.1")
            .header("Accept-Encoding", "identity")
            .method(method, HttpRequest.BodyPublishers.noBody());
    headers.forEach(request::setHeader);
    HubSettings.Token token = settings.token();
    if (token != null && isHub(uri)) {
      request.setHeader("Authorization", "Bearer " + token.secret());
    }
    try {
      return http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      throw Backoff.interrupted(e, DURING);
    }
  }

  private boolean isHub(URI uri) {
    URI hub = settings.endpoint();
    return String.valueOf(hub.getScheme()).equals(uri.getScheme())
        && hub.getHost().equalsIgnoreCase(uri.getHost())
        && hub.getPort() == uri.getPort();
  }

  private URI address(String path) {
    return URI.create(settings.endpoint() + path);
  }

  private static String encodedPath(String path) {
    StringBuilder encoded = new StringBuilder();
    for (String part : path.split("/", -1)) {
      encoded.append(encoded.isEmpty() ? "" : "/").append(encoded(part));
    }
    return encoded.toString();
  }

  private static String encoded(String part) {
    return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static String header(HttpResponse<?> response, String name, String otherwise) {
    return response.headers().firstValue(name).orElse(otherwise);
  }

  static void close(HttpResponse<InputStream> response) {
    try {
      response.body().close();
    } catch (IOException e) {
      // nothing is lost: the answer is not wanted
      assert e != null;
    }
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
