package dev.tartan.train.synthetic;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What may be spent: no request is sent beyond the requests, none after the tokens are used up.
 * Tokens are known when an answer is there, so those on their way may go beyond. Safe for
 * concurrent use.
 */
public final class Budget {
  private final long requests;
  private final long tokens;
  private final AtomicLong sent = new AtomicLong();
  private final AtomicLong used = new AtomicLong();
  private final AtomicReference<@Nullable String> exhausted = new AtomicReference<>();
  private volatile boolean stopped;

  /**
   * A budget for all runs of a journal together.
   *
   * @param requests at most; 0 for no bound
   * @param tokens after which to stop; 0 for no bound
   */
  public Budget(long requests, long tokens, Journal spent) {
    this.requests = requests;
    this.tokens = tokens;
    sent.set(spent.requests());
    used.set(spent.usage().tokens());
  }

  /** Whether one more request may be sent; counts it. */
  boolean take() {
    if (stopped) {
      return false;
    }
    if (tokens > 0 && used.get() >= tokens) {
      exhausted.set(tokens + " tokens");
      return false;
    }
    if (requests > 0 && sent.getAndUpdate(n -> n < requests ? n + 1 : n) >= requests) {
      exhausted.set(requests + " requests");
      return false;
    }
    return true;
  }

  /** No request is sent any more, whatever is left. */
  void stop() {
    stopped = true;
  }

  void use(Usage usage) {
    used.addAndGet(usage.tokens());
  }

  /** What was used up when a request was not sent; null if none was held back. */
  public @Nullable String exhausted() {
    return exhausted.get();
  }
}
