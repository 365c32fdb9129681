package dev.tartan.encode;

import dev.tartan.memory.TartanException;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The languages that a model has adapters for.
 *
 * @param model for messages
 * @param names as the model spells them, such as {@code fr_XX}; empty if it reads all alike
 */
record Languages(String model, List<String> names) {
  /** In place of a language: detect that of each text. */
  static final String AUTO = "auto";

  /**
   * The index of {@code language}, which may be given without its region ({@code fr}) where that is
   * enough to tell.
   *
   * @throws TartanException that lists the languages if it is none of them
   */
  int index(String language) {
    for (int i = 0; i < names.size(); i++) {
      if (names.get(i).equalsIgnoreCase(language)) {
        return i;
      }
    }
    List<String> regions =
        names.stream()
            .filter(name -> base(name).equals(language.toLowerCase(Locale.ROOT)))
            .toList();
    if (regions.size() != 1) {
      throw new TartanException(
          "%s has no language '%s'; it has %s"
              .formatted(model, language, String.join(", ", names)));
    }
    return names.indexOf(regions.getFirst());
  }

  /**
   * The index of the first language with the ISO 639 code {@code detected}, or {@code otherwise}.
   */
  int detected(String detected, int otherwise) {
    for (int i = 0; i < names.size(); i++) {
      if (base(names.get(i)).equals(detected)) {
        return i;
      }
    }
    return otherwise;
  }

  private static String base(String name) {
    return name.split("[_-]", 2)[0].toLowerCase(Locale.ROOT);
  }

  /**
   * The language that texts are taken to be in.
   *
   * @param wanted by the user; null for that of the checkpoint
   * @param stated in the checkpoint; may be empty
   * @return {@link #AUTO} if that is wanted; null if the model reads all alike
   * @throws TartanException if there is no such language, or the model needs one and none is known
   */
  @Nullable String choose(@Nullable String wanted, String stated) {
    if (names.isEmpty()) {
      if (wanted != null) {
        throw new TartanException(
            "%s reads all languages alike; leave out the language '%s'".formatted(model, wanted));
      }
      return null;
    }
    if (AUTO.equals(wanted)) {
      return AUTO;
    }
    if (wanted == null && stated.isEmpty()) {
      throw new TartanException(
          "%s needs to know the language (--language); it has %s"
              .formatted(model, String.join(", ", names)));
    }
    return names.get(index(wanted == null ? stated : wanted));
  }
}
