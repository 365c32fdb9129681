package dev.tartan.cli;

import dev.tartan.Explanation;
import dev.tartan.Tartan;
import dev.tartan.collection.Span;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/** Shows hits and explanations on a terminal. */
final class HitPrinter {
  private static final int WIDTH = 100;
  private static final int BESIDE_TEXT = 16;
  private static final int LEAST_TEXT = 30;
  private static final int BAR_WIDTH = 12;
  private static final int CONTEXT = 3;

  private HitPrinter() {}

  /** A line a hit, with the start of its text and, where documents were split, its place there. */
  static void print(List<Hit> hits, Tartan tartan, Consumer<String> out) {
    boolean split = tartan.searcher().snapshot().manifest().split() != null;
    print(hits, tartan::passage, split, out);
  }

  /** A line a hit, with the start of its text, and the place in its document if {@code split}. */
  static void print(
      List<Hit> hits, Function<Hit, Passage> passages, boolean split, Consumer<String> out) {
    if (hits.isEmpty()) {
      out.accept("no hits");
    }
    List<Passage> found = hits.stream().map(passages).toList();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < hits.size(); i++) {
      Span span = split ? found.get(i).span() : null;
      names.add(
          hits.get(i).id() + (span == null ? "" : " [%d-%d]".formatted(span.from(), span.to())));
    }
    int idWidth = names.stream().mapToInt(String::length).max().orElse(0);
    int textWidth = Math.max(LEAST_TEXT, WIDTH - BESIDE_TEXT - idWidth);
    for (int i = 0; i < hits.size(); i++) {
      Hit hit = hits.get(i);
      String text = found.get(i).text();
      String format = "%3d  %7.3f  %-" + Math.max(1, idWidth) + "s  %s";
      out.accept(
          String.format(
                  Locale.ROOT,
                  format,
                  i + 1,
                  hit.score(),
                  names.get(i),
                  text == null ? "" : shortened(text.replaceAll("\\p{Cntrl}", " "), textWidth))
              .stripTrailing());
    }
  }

  /** An object a hit, for {@code --json}. */
  static List<Map<String, Object>> json(List<Hit> hits, Function<Hit, Passage> passages) {
    List<Map<String, Object>> list = new ArrayList<>();
    for (Hit hit : hits) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("rank", list.size() + 1);
      entry.put("id", hit.id());
      entry.put("score", hit.score());
      Passage passage = passages.apply(hit);
      entry.put("passage", passage.number());
      if (passage.span() != null) {
        entry.put("from", passage.span().from());
        entry.put("to", passage.span().to());
      }
      if (passage.text() != null) {
        entry.put("text", passage.text());
      }
      list.add(entry);
    }
    return list;
  }

  /** A line a query token: what it matched, how strongly, and where. */
  static void explain(Explanation explanation, Consumer<String> out) {
    out.accept(
        String.format(
            Locale.ROOT,
            "why %s scores %.3f: the sum of each query token's best match among %d passage tokens",
            explanation.hitId(),
            explanation.score(),
            explanation.passageTokens().size()));
    int width =
        explanation.matches().stream().mapToInt(m -> m.queryToken().length()).max().orElse(1);
    for (Explanation.Match match : explanation.matches()) {
      String format = "  %-" + Math.max(1, width) + "s  %6.3f %-" + BAR_WIDTH + "s  %s";
      out.accept(
          String.format(
              Locale.ROOT,
              format,
              match.queryToken(),
              match.similarity(),
              bar(match.similarity()),
              context(explanation.passageTokens(), match.passageToken())));
    }
  }

  private static String bar(float similarity) {
    return "#".repeat(Math.clamp(Math.round(similarity * BAR_WIDTH), 0, BAR_WIDTH));
  }

  /** The matched token in brackets among its neighbours. */
  private static String context(List<String> tokens, int at) {
    if (at >= tokens.size()) {
      return "token " + at;
    }
    int from = Math.max(0, at - CONTEXT);
    int to = Math.min(tokens.size(), at + CONTEXT + 1);
    StringBuilder text = new StringBuilder(from > 0 ? "... " : "");
    for (int t = from; t < to; t++) {
      text.append(t == at ? "[" + tokens.get(t) + "]" : tokens.get(t)).append(' ');
    }
    return text.append(to < tokens.size() ? "..." : "").toString().stripTrailing();
  }

  private static String shortened(String text, int width) {
    int points = text.codePointCount(0, text.length());
    return points <= width
        ? text
        : text.substring(0, text.offsetByCodePoints(0, width - 3)) + "...";
  }
}
