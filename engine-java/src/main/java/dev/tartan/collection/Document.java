package dev.tartan.collection;

import java.util.ArrayList;
import java.util.List;

/**
 * What a user adds to an index.
 *
 * @param id the user's own name for it, never blank
 * @param title may be empty
 * @param text may be empty
 * @param language empty if the collection does not say; read by models that tell languages apart
 * @param metadata a JSON object of what else is known of it, to be filtered by; empty for none
 */
public record Document(String id, String title, String text, String language, String metadata) {
  /** A document of which nothing else is known. */
  public Document(String id, String title, String text, String language) {
    this(id, title, text, language, "");
  }

  /** A document in no stated language. */
  public Document(String id, String title, String text) {
    this(id, title, text, "", "");
  }

  /** The same with other metadata: a JSON object, or empty for none. */
  public Document withMetadata(String json) {
    return new Document(id, title, text, language, json);
  }

  /**
   * The text to encode: title and text joined by a space, every run of white space squeezed into
   * one space, none at the ends. Empty if both are blank.
   */
  public String passage() {
    return passage(title, text);
  }

  /** {@link #passage()} of a part of a text. */
  public static String passage(String title, String text) {
    return title.isBlank() ? squeeze(text) : squeeze(title + " " + text);
  }

  /** Texts without ids: they are numbered from 0. */
  public static List<Document> numbered(List<String> texts) {
    List<Document> documents = new ArrayList<>();
    for (String text : texts) {
      documents.add(new Document(Integer.toString(documents.size()), "", text));
    }
    return documents;
  }

  private static String squeeze(String text) {
    StringBuilder squeezed = new StringBuilder(text.length());
    boolean gap = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      // isWhitespace leaves out the no-break spaces, isSpaceChar the control characters.
      if (Character.isWhitespace(c) || Character.isSpaceChar(c)) {
        gap = true;
        continue;
      }
      if (gap && !squeezed.isEmpty()) {
        squeezed.append(' ');
      }
      gap = false;
      squeezed.append(c);
    }
    return squeezed.toString();
  }
}
