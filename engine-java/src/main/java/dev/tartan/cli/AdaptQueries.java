package dev.tartan.cli;

import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.Ask;
import dev.tartan.train.synthetic.AskCount;
import dev.tartan.train.synthetic.Budget;
import dev.tartan.train.synthetic.Journal;
import dev.tartan.train.synthetic.LlmClient;
import dev.tartan.train.synthetic.Passage;
import dev.tartan.train.synthetic.Prompt;
import dev.tartan.train.synthetic.Prompts;
import dev.tartan.train.synthetic.Synthesis;
import dev.tartan.train.synthetic.SyntheticQuery;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The first part of an adaptation, which costs money: prompts of the collection's own kind, then
 * queries by them.
 */
final class AdaptQueries {
  private final AdaptFolder folder;
  private final Journal journal;
  private final Budget budget;
  private final Synthesis synthesis;
  private final AdaptReport report;

  AdaptQueries(
      AdaptFolder folder,
      Journal journal,
      LlmSettings llms,
      Progress progress,
      AdaptReport report) {
    this.folder = folder;
    this.journal = journal;
    this.budget = llms.budget(journal);
    this.synthesis = new Synthesis(journal, budget, llms.concurrency, progress);
    this.report = report;
  }

  /** The adapted prompts: those of the file, where it is there, else made by asking. */
  List<Prompt> prompts(LlmClient client, List<Passage> passages, int count, long seed) {
    Path file = folder.file("prompts.json");
    List<Ask> asks = Ask.all(Prompts.general(), passages);
    boolean made = Files.exists(file);
    if (!made) {
      synthesis.ask("asking for examples", client, asks);
    }
    AskCount asked = AskCount.of(asks, journal);
    report.asked("prompts", passages.size(), asked);
    report.time("prompts");
    if (made) {
      return Prompts.read(file);
    }
    if (asked.notAsked() > 0) {
      throw new TartanException(
          "the budget of %s ended before the prompts were there (%d of %d asks left); raise it and go on with --resume"
              .formatted(budget.exhausted(), asked.notAsked(), asks.size()));
    }
    List<Prompt.Demonstration> shown = Prompts.demonstrations(asks, journal);
    if (shown.isEmpty()) {
      throw noQuery(asked);
    }
    List<Prompt> prompts = Prompts.adapted(shown, count, seed);
    Prompts.write(file, prompts);
    return prompts;
  }

  /** Queries for the passages by some of the prompts each, also as files. */
  List<SyntheticQuery> queries(
      LlmClient client, List<Prompt> prompts, List<Passage> passages, int each) {
    List<Ask> asks = Ask.spread(prompts, passages, Math.min(each, prompts.size()));
    synthesis.ask("asking for queries", client, asks);
    AskCount asked = AskCount.of(asks, journal);
    report.asked("queries", passages.size(), asked);
    report.time("queries");
    List<SyntheticQuery> queries = SyntheticQuery.of(asks, journal);
    if (queries.isEmpty()) {
      throw noQuery(asked);
    }
    folder.write(queries, "queries.jsonl", "qrels.tsv");
    return queries;
  }

  /** Tells what all this cost. */
  void reportSpent() {
    report.spent(journal, budget);
  }

  private TartanException noQuery(AskCount asked) {
    return new TartanException(
        "no answer of the language model is a query: %d failed %s, %d not asked%s; see %s"
            .formatted(
                asked.failed(),
                asked.failedBy(),
                asked.notAsked(),
                budget.exhausted() == null
                    ? ""
                    : " (the budget of %s is used up)".formatted(budget.exhausted()),
                folder.file("journal.jsonl")));
  }
}
