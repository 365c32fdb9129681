package dev.tartan.memory;

import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;

/**
 * How long to leave a busy server alone.
 *
 * @param firstMillis the pause after the first failed try; each next one is twice as long, up to 32
 *     times
 */
public record Backoff(long firstMillis) {
  private static final int DOUBLINGS = 5;

  /**
   * Waits.
   *
   * @param during what else goes on, for the message: "a model was fetched"
   * @throws TartanException if the thread is interrupted
   */
  public static void pause(long millis, String during) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw interrupted(e, during);
    }
  }

  /** What an interrupted wait throws; the thread stays marked as interrupted. */
  public static TartanException interrupted(InterruptedException e, String during) {
    Thread.currentThread().interrupt();
    return new TartanException("interrupted while " + during, e);
  }

  /** Milliseconds to wait after the failed try number {@code attempt}, counted from 1. */
  public long millis(int attempt) {
    return firstMillis << Math.min(attempt - 1, DOUBLINGS);
  }

  /**
   * As {@link #millis(int)}, unless the server says how long.
   *
   * @param retryAfter the header of that name: seconds or a date; anything else is ignored
   */
  public long millis(int attempt, String retryAfter) {
    if (retryAfter.matches("\\d{1,9}(\\.\\d{1,9})?")) {
      return Math.round(Double.parseDouble(retryAfter) * 1000);
    }
    try {
      Instant at =
          ZonedDateTime.parse(retryAfter, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return Math.max(0, Duration.between(Instant.now(), at).toMillis());
    } catch (DateTimeParseException e) {
      return millis(attempt);
    }
  }
}
