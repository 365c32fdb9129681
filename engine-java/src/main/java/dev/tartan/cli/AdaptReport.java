package dev.tartan.cli;

import dev.tartan.collection.TrainingExamples;
import dev.tartan.train.TrainResult;
import dev.tartan.train.synthetic.AskCount;
import dev.tartan.train.synthetic.Budget;
import dev.tartan.train.synthetic.Journal;
import dev.tartan.train.synthetic.RoundTrip;
import dev.tartan.train.synthetic.Usage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What an adaptation tells of itself, filled in as it goes. Confined to one thread. */
final class AdaptReport {
  private final Map<String, Object> values = new LinkedHashMap<>();
  private final Map<String, Double> seconds = new LinkedHashMap<>();
  private final List<String> lines = new ArrayList<>();
  private long since = System.nanoTime();
  private int kept;

  /** A part of the work has ended, which began where the one before it did. */
  void time(String part) {
    long now = System.nanoTime();
    seconds.merge(part, (now - since) * 1e-9, Double::sum);
    since = now;
  }

  void collection(long documents) {
    values.put("documents", documents);
    lines.add(String.format(Locale.ROOT, "collection: %,d documents with text", documents));
  }

  void asked(String what, int passages, AskCount count) {
    values.put(
        what,
        Map.of(
            "passages", passages,
            "planned", count.planned(),
            "answered", count.answered(),
            "failed", count.failed(),
            "failedBy", count.failedBy(),
            "notAsked", count.notAsked()));
    List<String> reasons = new ArrayList<>();
    count.failedBy().forEach((reason, n) -> reasons.add(n + " " + reason));
    lines.add(
        String.format(
            Locale.ROOT,
            "%s: %,d planned of %,d passages: %,d answered, %,d failed%s, %,d not asked",
            what,
            count.planned(),
            passages,
            count.answered(),
            count.failed(),
            reasons.isEmpty() ? "" : " (" + String.join(", ", reasons) + ")",
            count.notAsked()));
  }

  void spent(Journal journal, Budget budget) {
    Usage usage = journal.usage();
    Map<String, Object> spent = new LinkedHashMap<>();
    spent.put("requests", journal.requests());
    spent.put("retries", journal.retries());
    spent.put("promptTokens", usage.prompt());
    spent.put("completionTokens", usage.completion());
    spent.put("estimated", usage.estimated());
    if (budget.exhausted() != null) {
      spent.put("budgetUsedUp", budget.exhausted());
    }
    values.put("spent", spent);
    lines.add(
        String.format(
            Locale.ROOT,
            "spent: %,d requests (%,d of them retries), %,d tokens read, %,d written%s%s",
            journal.requests(),
            journal.retries(),
            usage.prompt(),
            usage.completion(),
            usage.estimated() == 0
                ? ""
                : ", estimated for " + usage.estimated() + " answers of a server that does not say",
            budget.exhausted() == null
                ? ""
                : "; the budget of " + budget.exhausted() + " is used up"));
  }

  void roundTrip(RoundTrip trip, int top) {
    kept = trip.kept().size();
    values.put(
        "roundTrip",
        Map.of(
            "top", top,
            "kept", trip.kept().size(),
            "filtered", trip.lost(),
            "duplicates", trip.duplicates()));
    lines.add(
        String.format(
            Locale.ROOT,
            "round trip: %,d kept, %,d filtered (passage not among the top %d), %,d duplicates",
            trip.kept().size(),
            trip.lost(),
            top,
            trip.duplicates()));
  }

  void examples(Path file, int teachers) {
    int count = TrainingExamples.read(file).size();
    values.put("examples", Map.of("written", count, "rankingTooShort", kept - count));
    lines.add(
        String.format(
            Locale.ROOT,
            "examples: %,d, %s%s",
            count,
            teachers == 0
                ? "not scored: the passage is to come first"
                : "scored by %d cross-encoder%s".formatted(teachers, teachers == 1 ? "" : "s"),
            kept == count ? "" : "; of " + (kept - count) + " queries the ranking is too short"));
  }

  void trained(TrainResult result) {
    values.put("training", TrainSettings.json(result));
  }

  /** Writes the report to {@code file} and tells it. */
  void tell(Path file, Path out, @Nullable TrainResult result, Output output) {
    values.put("seconds", seconds);
    values.put("out", out.toString());
    AdaptFolder.write(file, values);
    if (output.json) {
      output.printJson(values);
      return;
    }
    lines.forEach(output::print);
    List<String> times = new ArrayList<>();
    seconds.forEach((part, time) -> times.add(part + " " + TerminalProgress.time(time)));
    output.print("time: " + String.join(", ", times));
    if (result != null) {
      TrainSettings.print(out, result, output);
    }
    output.print("all of this is in " + file);
  }
}
