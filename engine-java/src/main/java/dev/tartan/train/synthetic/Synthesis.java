package dev.tartan.train.synthetic;

import dev.tartan.memory.Backoff;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.Journal.Entry;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Puts asks to a language model, several at a time, and every answer into the journal as it comes.
 * Confined to one thread, which alone writes; what was settled before is not asked again.
 */
public final class Synthesis {
  /** So many asks in a row without any answer, and something is wrong that retries do not mend. */
  private static final int PATIENCE = 10;

  private final Journal journal;
  private final Budget budget;
  private final int concurrency;
  private final Progress progress;
  private int failed;
  private int unanswered;
  private @Nullable TartanException fatal;

  /**
   * Prepares.
   *
   * @param concurrency asks on their way at a time
   */
  public Synthesis(Journal journal, Budget budget, int concurrency, Progress progress) {
    this.journal = journal;
    this.budget = budget;
    this.concurrency = concurrency;
    this.progress = progress;
  }

  /**
   * Asks what is not settled, until the budget is used up.
   *
   * @param stage what progress calls it
   * @throws TartanException if no ask will be answered, or the last ones all were not; what was
   *     answered until then is kept
   */
  public void ask(String stage, LlmClient client, List<Ask> asks) {
    Deque<Ask> left = new ArrayDeque<>();
    for (Ask ask : asks) {
      Entry entry = journal.find(ask);
      if (entry == null || !entry.settled()) {
        left.add(ask);
      }
    }
    if (left.isEmpty()) {
      return;
    }
    failed = 0;
    progress.stage(stage, "queries", left.size());
    try (ExecutorService threads =
        Executors.newFixedThreadPool(concurrency, Thread.ofVirtual().factory())) {
      CompletionService<@Nullable Entry> answers = new ExecutorCompletionService<>(threads);
      int flying = 0;
      while (flying > 0 || (!left.isEmpty() && goesOn())) {
        while (flying < concurrency && !left.isEmpty() && goesOn()) {
          Ask ask = left.remove();
          answers.submit(() -> answer(client, ask));
          flying++;
        }
        take(answers, client);
        flying--;
      }
    } catch (RuntimeException e) { // the journal cannot be written: more answers would be lost too
      budget.stop();
      throw e;
    }
    progress.done();
    if (fatal != null) {
      throw fatal;
    }
  }

  private boolean goesOn() {
    return fatal == null && budget.exhausted() == null;
  }

  private @Nullable Entry answer(LlmClient client, Ask ask) {
    Reply reply = client.ask(ask.prompt().about(ask.passage().text()), budget);
    if (reply == null) {
      return null;
    }
    String content = reply.content();
    QueryReader read =
        content == null
            ? new QueryReader(null, reply.failure())
            : QueryReader.read(content, ask.passage().text());
    String detail =
        read.failure() == null
            ? null
            : content == null ? reply.detail() : client.llm().clean(content);
    return new Entry(
        ask.prompt().name(),
        ask.passage().id(),
        read.query(),
        read.failure(),
        detail,
        reply.requests(),
        reply.usage());
  }

  private void take(CompletionService<@Nullable Entry> answers, LlmClient client) {
    try {
      Entry entry = answers.take().get();
      if (entry == null) {
        return;
      }
      journal.add(entry);
      progress.advance(1);
      failed += entry.failure() == null ? 0 : 1;
      unanswered = entry.settled() ? 0 : unanswered + 1;
      if (unanswered == PATIENCE) {
        stop(silent(client.llm(), entry));
      }
      progress.detail(
          String.format(Locale.ROOT, "%d failed, %,d tokens", failed, journal.usage().tokens()));
    } catch (InterruptedException e) {
      throw Backoff.interrupted(e, LlmClient.DURING);
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TartanException cause)) {
        throw new IllegalStateException(e.getCause());
      }
      stop(cause);
    }
  }

  /** What is on its way already may still be answered, and is paid for. */
  private void stop(TartanException why) {
    fatal = fatal == null ? why : fatal;
    budget.stop();
  }

  private static TartanException silent(Llm llm, Entry last) {
    String reason = last.failure() == null ? "" : last.failure().label();
    String said = last.detail() == null || last.detail().isEmpty() ? "" : ", " + last.detail();
    return new TartanException(
        "%s did not answer the last %d asks (%s%s); see to it and go on with --resume"
            .formatted(llm, PATIENCE, reason, said));
  }
}
