package dev.tartan.capi;

import dev.tartan.memory.TartanException;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/** A call that failed, with the code that it returns: those of {@code enum tartan_code}. */
final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final byte INDEX = 3;
  private static final byte MEMORY = 5;
  private static final byte INTERNAL = 6;

  private final byte code;

  private Failure(int code, String message) {
    super(message);
    this.code = (byte) code;
  }

  static Failure argument(String message) {
    return new Failure(1, message);
  }

  static Failure closed(String message) {
    return new Failure(4, message);
  }

  /** What {@code made} gives; what it refuses is the caller's argument. */
  static <T> T ofArgument(Supplier<T> made) {
    try {
      return made.get();
    } catch (TartanException | IllegalArgumentException e) {
      throw argument(String.valueOf(e.getMessage()));
    }
  }

  /** Code and text of whatever a call threw: a byte and a line of UTF-8. */
  static byte[] describe(Throwable thrown) {
    byte code =
        switch (thrown) {
          case Failure failure -> failure.code;
          case TartanException _ -> INDEX;
          case OutOfMemoryError _ -> MEMORY;
          default -> INTERNAL;
        };
    String text =
        switch (code) {
          case MEMORY ->
              "Java is out of memory (%s); heap_mb of tartan_options gives it more"
                  .formatted(thrown.getMessage());
          case INTERNAL -> "this is a defect of Tartan: " + thrown;
          default -> String.valueOf(thrown.getMessage());
        };
    return ((char) code + text.replaceAll("\\s*\\R\\s*", " ")).getBytes(StandardCharsets.UTF_8);
  }
}
