package dev.tartan.encode.text;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where the tokenizer library unpacks its native part. Set before its first use, and only where the
 * user has not: it must not download anything, and must find a folder that can be written.
 */
final class NativeCache {
  private NativeCache() {}

  static void prepare() {
    if (System.getProperty("ai.djl.offline") == null) {
      System.setProperty("ai.djl.offline", "true");
    }
    if (System.getProperty("DJL_CACHE_DIR") == null && System.getenv("DJL_CACHE_DIR") == null) {
      Path home = Path.of(System.getProperty("user.home", "."));
      Path parent = Files.isWritable(home) ? home : Path.of(System.getProperty("java.io.tmpdir"));
      System.setProperty("DJL_CACHE_DIR", parent.resolve(".djl.ai").toString());
    }
  }
}
