package dev.tartan.checkpoint.hub;

import dev.tartan.memory.Backoff;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Fetches one file. What has come lies in {@code CHECKSUM.tartan.incomplete} beside the blob, and a
 * later call goes on from there: the name is that of the content, so it cannot be the start of
 * something else. (Other tools hold locks on their {@code .incomplete} that Java cannot see.)
 */
final class Download {
  private static final int BUFFER = 1 << 16;

  /** Broken connections in a row, without a byte in between, that are put up with. */
  private static final int FAILURES = 5;

  private final HubClient client;
  private final HubClient.RemoteFile file;
  private final Path blob;
  private final Path incomplete;
  private final LongConsumer fetched;
  private long told;
  private @Nullable String tag;

  /**
   * @param blob where the file goes
   * @param fetched told how many bytes have come since the last call
   */
  Download(HubClient client, HubClient.RemoteFile file, Path blob, LongConsumer fetched) {
    this.client = client;
    this.file = file;
    this.blob = blob;
    this.incomplete = incomplete(blob);
    this.fetched = fetched;
  }

  /** Bytes that are still to come. */
  static long left(HubClient.RemoteFile file, Path blob) {
    try {
      if (Files.exists(blob) && Files.size(blob) == file.size()) {
        return 0;
      }
      Path part = incomplete(blob);
      return file.size() - (Files.exists(part) ? Math.min(Files.size(part), file.size()) : 0);
    } catch (IOException e) {
      throw TartanException.io("cannot read the cache of models", e);
    }
  }

  private static Path incomplete(Path blob) {
    return blob.resolveSibling(blob.getFileName() + ".tartan.incomplete");
  }

  /**
   * Fetches the file unless it is there.
   *
   * @throws TartanException if it cannot be fetched or written, or its content is wrong twice
   */
  void run() {
    try {
      if (Files.exists(blob) && Files.size(blob) == file.size()) {
        return;
      }
      Files.createDirectories(blob.getParent());
      for (boolean again = false; ; again = true) {
        fetch();
        if (checksum().equals(file.checksum())) {
          Files.move(
              incomplete,
              blob,
              StandardCopyOption.ATOMIC_MOVE,
              StandardCopyOption.REPLACE_EXISTING);
          return;
        }
        Files.delete(incomplete);
        if (again) {
          throw new TartanException(
              "%s came damaged twice: its checksum is not %s; try again later"
                  .formatted(file.address(), file.checksum()));
        }
      }
    } catch (IOException e) {
      throw TartanException.io(
          "cannot write %s (make room, or set HF_HUB_CACHE to another folder)"
              .formatted(incomplete),
          e);
    }
  }

  private void fetch() throws IOException {
    try (FileChannel out =
        FileChannel.open(incomplete, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      if (out.size() > file.size()) {
        out.truncate(0);
      }
      told = out.size();
      int failures = 0;
      while (out.size() < file.size()) {
        long before = out.size();
        try {
          receive(out);
        } catch (Cut e) {
          failures = out.size() > before ? 0 : failures + 1;
          if (failures > FAILURES) {
            throw new TartanException(
                "the connection to %s broke %d times at byte %,d of %,d; the same command goes on from there"
                    .formatted(file.address(), failures, out.size(), file.size()),
                e);
          }
          Backoff.pause(failures == 0 ? 0 : HubClient.BACKOFF.millis(failures), HubClient.DURING);
        }
      }
    }
  }

  /** The connection broke; what the disk refuses is another matter. */
  private static final class Cut extends IOException {
    private static final long serialVersionUID = 1L;

    Cut(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  private void receive(FileChannel out) throws IOException {
    long from = out.size();
    HttpResponse<InputStream> response = client.download(file, range(from));
    if (response.statusCode() != 206 || !startsAt(response, from)) {
      from = 0; // the whole file comes, or nothing fits what is there
      out.truncate(0);
    }
    if (response.statusCode() == 416) {
      HubClient.close(response);
      throw new Cut("the range was refused", null);
    }
    tag = response.headers().firstValue("ETag").filter(t -> !t.startsWith("W/")).orElse(null);
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = response.body();
        StallGuard guard = new StallGuard(in)) {
      for (long at = from; at < file.size(); ) {
        int read = read(in, buffer, (int) Math.min(BUFFER, file.size() - at));
        guard.moved();
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
        while (bytes.hasRemaining()) {
          at += out.write(bytes, at);
        }
        tell(at);
      }
    }
  }

  /** If-Range needs a tag of the host that gives the bytes, which only it can tell. */
  private Map<String, String> range(long from) {
    Map<String, String> headers = new HashMap<>();
    if (from > 0) {
      headers.put("Range", "bytes=" + from + "-");
      if (tag != null) {
        headers.put("If-Range", tag);
      }
    }
    return headers;
  }

  private boolean startsAt(HttpResponse<?> response, long from) {
    String range = response.headers().firstValue("Content-Range").orElse("");
    return range.startsWith("bytes " + from + "-") && range.endsWith("/" + file.size());
  }

  private static int read(InputStream in, byte[] buffer, int length) throws Cut {
    int read;
    try {
      read = in.read(buffer, 0, length);
    } catch (IOException e) {
      throw new Cut("the connection broke", e);
    }
    if (read < 0) {
      throw new Cut("the connection ended early", null);
    }
    return read;
  }

  /** Bytes that come a second time are no progress. */
  private void tell(long at) {
    if (at > told) {
      fetched.accept(at - told);
      told = at;
    }
  }

  /** Of what has come: SHA-256, or that of a git blob, which is SHA-1 with the size in front. */
  private String checksum() throws IOException {
    try (InputStream in = Files.newInputStream(incomplete)) {
      MessageDigest digest =
          MessageDigest.getInstance(file.checksum().length() == 64 ? "SHA-256" : "SHA-1");
      if (file.checksum().length() != 64) {
        digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.US_ASCII));
      }
      byte[] buffer = new byte[BUFFER];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
