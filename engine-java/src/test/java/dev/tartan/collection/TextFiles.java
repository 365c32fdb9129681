package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.function.Executable;

/** Small files for the tests of this package, and what their failures must look like. */
record TextFiles(Path directory) {

  Path write(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content);
  }

  Path write(String name, byte[] content) throws IOException {
    return Files.write(directory.resolve(name), content);
  }

  Path gzip(String name, String... members) throws IOException {
    Path path = directory.resolve(name);
    try (var out = Files.newOutputStream(path)) {
      for (String member : members) {
        GZIPOutputStream gzip = new GZIPOutputStream(out);
        gzip.write(member.getBytes(StandardCharsets.UTF_8));
        gzip.finish();
      }
    }
    return path;
  }

  /** Requires a failure whose message is {@code expected} with DIR for the directory. */
  void assertFails(String expected, Executable action) {
    TartanException e = assertThrows(TartanException.class, action);
    String message = String.valueOf(e.getMessage());
    assertFalse(message.contains("\n"), message);
    assertEquals(expected, message.replace(directory.toString(), "DIR"));
  }
}
