package dev.tartan.train.synthetic;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds the query in what a language model says, or what is wrong with it. Forgives what models do
 * in spite of all instructions: thinking aloud in tags, a label, quotation marks, a bullet.
 *
 * @param query null if there is none
 * @param failure null if there is a query
 */
record QueryReader(@Nullable String query, @Nullable Failure failure) {
  private static final int MOST_WORDS = 64;
  private static final int MOST_CHARACTERS = 400;

  /** So many words, one after another, are no longer a likely coincidence with the passage. */
  private static final int COPIED_WORDS = 10;

  /** The same where words are not parted by blanks. */
  private static final int COPIED_CHARACTERS = 60;

  private static final Pattern THINKING = Pattern.compile("(?s)^\\s*<think>.*?</think>");
  private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cs}\\p{Cc}&&[^\\n\\r\\t]]");
  private static final Pattern LABEL =
      Pattern.compile(
          "^(?:[-*•]\\s+|\\d{1,2}[.)]\\s+)?(?:\\*\\*)?(?:(?:search )?(?:query|question)\\s*:)?(?:\\*\\*)?\\s*",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern QUOTED = Pattern.compile("^[\"“„«'`](.*)[\"”“»'`]$");
  private static final Pattern REFUSAL =
      Pattern.compile(
          "^(?:i'm sorry|i am sorry|sorry,|i apologi[sz]e|i cannot|i can't|i'm unable|i am unable|i'm not able"
              + "|i won't|as an ai|unfortunately, i)\\b.*",
          Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  private static final Pattern ABOUT_PASSAGE =
      Pattern.compile(
          "\\b(?:(?:the|this|that|given|above) (?:passage|excerpt)|(?:this|given|above|provided)"
              + " (?:text|document|article|abstract|study))\\b",
          Pattern.CASE_INSENSITIVE);

  static QueryReader read(String content, String passage) {
    String plain = THINKING.matcher(content).replaceFirst("");
    List<String> lines =
        UNPRINTABLE
            .matcher(plain)
            .replaceAll(" ")
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .toList();
    if (lines.isEmpty()) {
      return failed(Failure.EMPTY);
    }
    if (REFUSAL.matcher(lines.getFirst().replace('’', '\'')).matches()) {
      return failed(Failure.REFUSED);
    }
    if (lines.getFirst().matches("[\\[{<].*|```.*")) {
      return failed(Failure.MARKUP);
    }
    if (lines.size() > 1) {
      return failed(Failure.SEVERAL_LINES);
    }
    String query = bare(lines.getFirst());
    Failure failure = judge(query, passage);
    return failure == null ? new QueryReader(query, null) : failed(failure);
  }

  private static QueryReader failed(Failure failure) {
    return new QueryReader(null, failure);
  }

  private static String bare(String line) {
    String unlabelled = LABEL.matcher(line).replaceFirst("");
    return QUOTED.matcher(unlabelled).replaceFirst("$1").replaceAll("\\s+", " ").strip();
  }

  private static @Nullable Failure judge(String query, String passage) {
    if (query.codePoints().filter(Character::isLetterOrDigit).count() < 2) {
      return Failure.EMPTY;
    }
    int words = query.split(" ").length;
    if (words > MOST_WORDS || query.length() > MOST_CHARACTERS) {
      return isCopied(query, passage) ? Failure.COPIED : Failure.TOO_LONG;
    }
    if ((words >= COPIED_WORDS || query.length() >= COPIED_CHARACTERS)
        && isCopied(query, passage)) {
      return Failure.COPIED;
    }
    return ABOUT_PASSAGE.matcher(query).find() ? Failure.ABOUT_PASSAGE : null;
  }

  private static boolean isCopied(String query, String passage) {
    return normal(passage).contains(normal(query));
  }

  /** Letters and digits, for comparing. */
  static String normal(String text) {
    return text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]+", " ").strip();
  }
}
