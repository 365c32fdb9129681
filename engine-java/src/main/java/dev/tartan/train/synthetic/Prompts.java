package dev.tartan.train.synthetic;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.Prompt.Demonstration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * What is asked. First five general prompts, three without demonstrations and two with some of
 * other fields; then prompts whose demonstrations are what the first ones brought, so that they
 * speak as the collection does.
 */
public final class Prompts {
  /** Of a passage that is asked about; what follows is cut off at a word. */
  public static final int PASSAGE_CHARACTERS = 2000;

  /** Of a passage in a demonstration. */
  public static final int DEMONSTRATION_CHARACTERS = 1000;

  /** Of an adapted prompt, if there are so many. */
  public static final int DEMONSTRATIONS = 3;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MANNERS =
      " Answer with the query alone, on one line of at most 30 words, in the language of the passage. Whoever"
          + " types it has not seen the passage: never refer to it, and use your own words.";
  private static final String HARBOUR =
      "The harbour authority dredges the inner channel every third spring. Until the work is done ships that"
          + " draw more than nine metres must wait for high water and take a pilot.";
  private static final String SOURDOUGH =
      "A starter that was kept cold needs two or three feeds at room temperature before it raises bread. It is"
          + " ready when it doubles within six hours and a spoonful floats.";
  private static final String LEDGER =
      "Under the act of 1871 friendly societies had to file yearly accounts. Those that failed twice lost their"
          + " right to hold land, which is why many small lodges dissolved in the decade that followed.";

  private Prompts() {}

  /** The general prompts, in a fixed order. */
  public static List<Prompt> general() {
    return List.of(
        new Prompt(
            "question",
            "You write test questions for a search engine: given a passage, one question that it answers."
                + MANNERS,
            List.of()),
        new Prompt(
            "need",
            "Imagine somebody who needs precisely what a passage says and turns to a search engine. Given the"
                + " passage, write what they type."
                + MANNERS,
            List.of()),
        new Prompt(
            "detail",
            "Given a passage, write a query about one particular thing in it that few other texts would tell."
                + MANNERS,
            List.of()),
        new Prompt(
            "shown",
            "Given a passage, write a query that it is a good answer to, as in the examples."
                + MANNERS,
            List.of(
                new Demonstration(HARBOUR, "when can deep ships enter the port during dredging"),
                new Demonstration(
                    SOURDOUGH, "how to tell a refrigerated starter is ready to bake with"),
                new Demonstration(LEDGER, "why did small friendly societies close in the 1870s"))),
        new Prompt(
            "contrast",
            "Given a passage, write a query that this passage answers and others do not. Of each example the"
                + " vague query, which many texts would answer, stands in brackets in the passage's turn; write the"
                + " other kind."
                + MANNERS,
            List.of(
                new Demonstration(
                    HARBOUR + " (vague: what does a harbour authority do)",
                    "draught limit without a pilot while the inner channel is dredged"),
                new Demonstration(
                    SOURDOUGH + " (vague: how do I make bread)",
                    "feeds needed to wake a cold sourdough starter"),
                new Demonstration(
                    LEDGER + " (vague: history of British law)",
                    "penalty for lodges that missed the yearly accounts of the 1871 act"))));
  }

  /** What the journal has of {@code asks}, in their order. */
  public static List<Demonstration> demonstrations(List<Ask> asks, Journal journal) {
    List<Demonstration> shown = new ArrayList<>();
    for (Ask ask : asks) {
      Journal.Entry entry = journal.find(ask);
      if (entry != null && entry.query() != null) {
        shown.add(
            new Demonstration(cut(ask.passage().text(), DEMONSTRATION_CHARACTERS), entry.query()));
      }
    }
    return shown;
  }

  /**
   * Prompts that show what the collection's own queries look like.
   *
   * @param shown what the general prompts brought; at least one
   * @param count prompts to make; each draws its demonstrations anew, of different passages
   */
  public static List<Prompt> adapted(List<Demonstration> shown, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Prompt> prompts = new ArrayList<>();
    for (int p = 1; p <= count; p++) {
      List<Demonstration> left = new ArrayList<>(shown);
      List<Demonstration> drawn = new ArrayList<>();
      while (drawn.size() < DEMONSTRATIONS && !left.isEmpty()) {
        Demonstration one = left.get(random.nextInt(left.size()));
        drawn.add(one);
        left.removeIf(other -> other.passage().equals(one.passage()));
      }
      prompts.add(
          new Prompt(
              "adapted-" + p,
              "Given a passage of a collection, write a query that the passage answers, of the kind shown."
                  + MANNERS,
              drawn));
    }
    return prompts;
  }

  /** Tells these prompts and the lengths of texts from those of other versions of Tartan. */
  public static String version() {
    return Integer.toHexString(
        Objects.hash(
            general().toString(),
            adapted(List.of(new Demonstration("", "")), 1, 0).toString(),
            PASSAGE_CHARACTERS,
            DEMONSTRATION_CHARACTERS));
  }

  /** The start of {@code text}, cut between words where there are any. */
  static String cut(String text, int characters) {
    if (text.length() <= characters) {
      return text;
    }
    int space = text.lastIndexOf(' ', characters);
    int end = space > characters / 2 ? space : characters;
    return text.substring(0, Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end);
  }

  /** Keeps prompts in a file, for people to read and for {@link #read}. */
  public static void write(Path file, List<Prompt> prompts) {
    try {
      Files.writeString(
          file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(prompts) + "\n");
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }

  /**
   * Prompts from a file.
   *
   * @throws TartanException if it cannot be read or holds anything else
   */
  public static List<Prompt> read(Path file) {
    try {
      List<Prompt> prompts =
          JSON.readValue(Files.readString(file), new TypeReference<List<Prompt>>() {});
      if (prompts.isEmpty()) {
        throw new TartanException(file + " holds no prompts");
      }
      return prompts;
    } catch (JsonProcessingException e) {
      throw new TartanException(file + " holds no prompts: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + file, e);
    }
  }
}
