package dev.tartan.metadata;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/** Dates in ISO-8601. */
final class Dates {
  private static final int DATE_LENGTH = "2020-05-17".length();

  private Dates() {}

  /**
   * Microseconds since 1970 of a date, "2020-05-17", or of a date with a time, "2020-05-17T10:30Z"
   * or with an offset; without one it is in UTC. Null for anything else.
   */
  static @Nullable Long micros(String text) {
    if (text.length() < DATE_LENGTH || text.charAt(4) != '-' || text.charAt(7) != '-') {
      return null;
    }
    try {
      return ChronoUnit.MICROS.between(Instant.EPOCH, instant(text));
    } catch (DateTimeException | ArithmeticException e) {
      return null;
    }
  }

  private static Instant instant(String text) {
    if (text.length() == DATE_LENGTH) {
      return LocalDate.parse(text).atStartOfDay().toInstant(ZoneOffset.UTC);
    }
    String time = text.substring(DATE_LENGTH);
    boolean zoned = time.endsWith("Z") || time.indexOf('+') > 0 || time.indexOf('-') > 0;
    return zoned
        ? OffsetDateTime.parse(text).toInstant()
        : LocalDateTime.parse(text).toInstant(ZoneOffset.UTC);
  }
}
