package dev.tartan.train.synthetic;

import java.util.ArrayList;
import java.util.List;

/**
 * One way to ask for a query: what is said first, demonstrations, and the passage last.
 *
 * @param name tells it from others in the journal
 * @param instruction the turn of the system
 * @param demonstrations passages with their queries, shown as turns before; may be none
 */
public record Prompt(String name, String instruction, List<Demonstration> demonstrations) {
  /**
   * A passage and a query for it.
   *
   * @param passage cut to the length of demonstrations
   */
  public record Demonstration(String passage, String query) {}

  /** The whole conversation about {@code passage}. */
  List<Message> about(String passage) {
    List<Message> messages = new ArrayList<>(List.of(new Message("system", instruction)));
    for (Demonstration shown : demonstrations) {
      messages.add(new Message("user", turn(shown.passage())));
      messages.add(new Message("assistant", shown.query()));
    }
    messages.add(new Message("user", turn(passage)));
    return messages;
  }

  private static String turn(String passage) {
    return "Passage: " + passage + "\n\nQuery:";
  }
}
