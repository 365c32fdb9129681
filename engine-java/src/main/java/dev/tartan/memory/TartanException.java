package dev.tartan.memory;

import java.io.IOException;

/**
 * A failure that the user can understand and mend: the message is one line that names the file or
 * the value, what is wrong with it and, where there is one, the remedy.
 */
public final class TartanException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public TartanException(String message) {
    super(message);
  }

  public TartanException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Wraps an I/O failure: "what: reason". The reason of a bare file name is spelt out. */
  public static TartanException io(String what, IOException cause) {
    String reason =
        switch (cause) {
          case java.nio.file.NoSuchFileException e -> "no such file: " + e.getFile();
          case java.nio.file.AccessDeniedException e -> "permission denied: " + e.getFile();
          case java.nio.file.NotDirectoryException e -> "not a directory: " + e.getFile();
          case java.nio.file.FileAlreadyExistsException e -> "exists already: " + e.getFile();
          case java.nio.file.FileSystemException e when e.getReason() != null ->
              e.getReason() + ": " + e.getFile();
          default -> cause.getMessage() == null ? cause.toString() : cause.getMessage();
        };
    return new TartanException(what + ": " + reason, cause);
  }
}
