package dev.tartan.encode.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.collection.Span;
import dev.tartan.collection.Splitting;
import dev.tartan.memory.TartanException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pieces cover the text, are as long as they may be, and share what was asked for. */
class TextSplitterTest {
  private static final List<String> WORDS =
      List.of(
          "late",
          "interaction",
          "ColBERT's",
          "naïve",
          "3.14",
          "e.g.",
          "\uD83D\uDE00", // astral: an emoji
          "\uD842\uDFB7\u91CE\u5BB6", // astral: an ideograph
          "これは文です。",
          "第二句。",
          "\u0645\u0631\u062D\u0628\u0627",
          "e\u0301\u0301",
          "\uFFFD",
          "xyz".repeat(40),
          "\u0000",
          "(yes).",
          "What?!",
          "End.");
  private static final List<String> GAPS = List.of(" ", " ", " ", "  ", "\n", "\n\n", "\u00A0", "");

  /** Every word and every full stop is a token. */
  private static Tokenizer words() {
    String json =
        """
        {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
         "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"},
         "post_processor": null, "decoder": null,
         "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"}}
        """;
    return Tokenizer.of("words", json.getBytes(StandardCharsets.UTF_8));
  }

  private static Tokenizer golden(String model) {
    Path folder = Path.of(System.getProperty("tartan.shared", "."), "golden", model);
    assumeTrue(Files.isDirectory(folder), "no golden fixtures: set -Dtartan.shared=DIR");
    return Tokenizer.open(folder);
  }

  private static String text(SplittableRandom random) {
    StringBuilder text = new StringBuilder();
    for (int words = random.nextInt(120); words > 0; words--) {
      text.append(WORDS.get(random.nextInt(WORDS.size())));
      text.append(GAPS.get(random.nextInt(GAPS.size())));
    }
    return text.toString();
  }

  /** WordPiece, Unigram and byte-level BPE, whose tokens may be parts of characters. */
  @ParameterizedTest
  @ValueSource(strings = {"bert-colbert", "xlmr-colbert", "modernbert-pylate"})
  void piecesCoverTheTextWithinTheLimit(String model) {
    try (Tokenizer tokenizer = golden(model)) {
      TextSplitter splitter = new TextSplitter(tokenizer);
      for (long seed = 0; seed < 300; seed++) {
        SplittableRandom random = new SplittableRandom(seed);
        String text = text(random);
        int limit = 8 + random.nextInt(40);
        Splitting splitting =
            new Splitting(
                limit,
                random.nextInt(3) == 0 ? 0 : random.nextInt(limit / 2 + 1),
                Splitting.Unit.values()[random.nextInt(2)]);
        String what = "seed " + seed + " " + splitting;
        List<Span> pieces = splitter.split(text, limit, splitting, Locale.ROOT);
        assertCovers(text, pieces, what);
        for (Span piece : pieces) {
          assertTrue(splitter.count(piece.of(text)) <= limit, what + " " + piece);
        }
      }
    }
  }

  private static void assertCovers(String text, List<Span> pieces, String what) {
    int covered = 0;
    for (int i = 0; i < pieces.size(); i++) {
      Span piece = pieces.get(i);
      assertTrue(piece.to() > covered, what + ": piece " + i + " is not new");
      for (int at = covered; at < piece.from(); at++) {
        assertTrue(CutPlaces.isSpace(text.charAt(at)), what + ": char " + at + " is lost");
      }
      assertFalse(CutPlaces.isSpace(text.charAt(piece.from())), what);
      assertFalse(CutPlaces.isSpace(text.charAt(piece.to() - 1)), what);
      for (int end : new int[] {piece.from(), piece.to()}) {
        boolean inPair = end > 0 && end < text.length();
        assertFalse(
            inPair && Character.isSurrogatePair(text.charAt(end - 1), text.charAt(end)), what);
      }
      covered = piece.to();
    }
    assertTrue(text.substring(covered).chars().allMatch(c -> CutPlaces.isSpace((char) c)), what);
  }

  @Test
  void tokensOverlapByWhatIsAsked() {
    String text = "a ".repeat(100).strip();
    try (Tokenizer tokenizer = words()) {
      TextSplitter splitter = new TextSplitter(tokenizer);
      for (int overlap : new int[] {0, 1, 7, 10}) {
        List<Span> pieces =
            splitter.split(
                text, 20, new Splitting(20, overlap, Splitting.Unit.TOKENS), Locale.ROOT);
        for (int i = 0; i < pieces.size(); i++) {
          assertEquals(i * (20 - overlap) * 2, pieces.get(i).from(), "overlap " + overlap);
        }
        assertEquals(Math.ceilDiv(100 - overlap, 20 - overlap), pieces.size());
        assertEquals(text.length(), pieces.getLast().to());
      }
    }
  }

  /** Seven sentences of 2 to 8 tokens, the full stops counted. */
  private static final String SENTENCES = "A. B b b. C c. D d d d d d d. E e e e. F. G g g g g.";

  private static List<String> sentences(String text, int limit, int overlap) {
    try (Tokenizer tokenizer = words()) {
      Splitting splitting = new Splitting(limit, overlap, Splitting.Unit.SENTENCES);
      return new TextSplitter(tokenizer)
          .split(text, limit, splitting, Locale.ENGLISH).stream()
              .map(piece -> piece.of(text))
              .toList();
    }
  }

  @Test
  void sentencesAreWholeAndAsManyAsFit() {
    assertEquals(
        List.of("A. B b b. C c.", "D d d d d d d.", "E e e e. F.", "G g g g g."),
        sentences(SENTENCES, 9, 0));
    assertEquals(
        List.of("A. B b b. C c.", "D d d d d d d. E e e e.", "F. G g g g g."),
        sentences(SENTENCES, 13, 0));
  }

  /** The overlap is whole sentences too, and never keeps a new one out. */
  @Test
  void overlappingSentencesAreWhole() {
    assertEquals(
        List.of("A. B b b. C c.", "C c. D d d d d d d.", "E e e e. F.", "F. G g g g g."),
        sentences(SENTENCES, 11, 5));
  }

  @Test
  void aLongSentenceIsCutByTokens() {
    String part = "C ".repeat(10).strip();
    assertEquals(
        List.of("A b.", part, part, part, "d. E f."),
        sentences("A b. " + "C ".repeat(30) + "d. E f.", 10, 0));
  }

  @Test
  void aBlankLineEndsASentence() {
    String rest = "B b b b b b b. C c.";
    assertEquals(
        List.of("A heading", "B b b b b b b.", "C c."), sentences("A heading\n\n" + rest, 8, 0));
    assertEquals("A heading\nB b b b b b", sentences("A heading\n" + rest, 8, 0).getFirst());
  }

  /** Sentence ends are those of the JDK, in text with tricky full stops. */
  @Test
  void sentenceEndsAreTheJdks() {
    String text =
        "Values of 3.14 vs. 2.71 were used, e.g. here. \"Is it?\" she asked. これは文です。次の文！ Yes. ";
    BreakIterator ends = BreakIterator.getSentenceInstance(Locale.ENGLISH);
    String repeated = text.repeat(10);
    ends.setText(repeated);
    TreeSet<Integer> allowed = new TreeSet<>();
    for (int end = ends.first(); end != BreakIterator.DONE; end = ends.next()) {
      allowed.add(end);
    }
    try (Tokenizer tokenizer = words()) {
      for (Span piece :
          new TextSplitter(tokenizer)
              .split(
                  repeated, 25, new Splitting(25, 0, Splitting.Unit.SENTENCES), Locale.ENGLISH)) {
        assertTrue(allowed.contains(piece.from()), piece.of(repeated));
      }
    }
  }

  @Test
  void oneVeryLongWordIsCutBetweenItsTokens() {
    try (Tokenizer tokenizer = golden("xlmr-colbert")) {
      TextSplitter splitter = new TextSplitter(tokenizer);
      String word = "antidisestablishmentarianism".repeat(60);
      List<Span> pieces =
          splitter.split(word, 16, new Splitting(16, 4, Splitting.Unit.TOKENS), Locale.ROOT);
      assertTrue(pieces.size() > 10, pieces.toString());
      for (int i = 1; i < pieces.size(); i++) {
        assertTrue(pieces.get(i).from() < pieces.get(i - 1).to(), "no overlap at piece " + i);
      }
      assertCovers(word, pieces, "a long word");
    }
  }

  @Test
  void nothingComesOfNothing() {
    try (Tokenizer tokenizer = words()) {
      TextSplitter splitter = new TextSplitter(tokenizer);
      for (String blank : List.of("", " \n\t\u00A0 ")) {
        assertEquals(List.of(), splitter.split(blank, 8, Splitting.of(8), Locale.ROOT));
      }
    }
  }

  @Test
  void valuesThatMakeNoSenseAreRefused() {
    List<String> messages = new ArrayList<>();
    for (int[] wrong : new int[][] {{7, 0}, {8, -1}, {8, 5}}) {
      TartanException e =
          assertThrows(
              TartanException.class,
              () -> new Splitting(wrong[0], wrong[1], Splitting.Unit.TOKENS));
      messages.add(String.valueOf(e.getMessage()));
    }
    assertTrue(messages.get(0).startsWith("split is 7"), messages.toString());
    assertTrue(messages.get(1).startsWith("overlap is -1"), messages.toString());
    assertTrue(messages.get(2).startsWith("overlap is 5"), messages.toString());
  }
}
