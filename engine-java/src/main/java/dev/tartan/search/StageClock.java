package dev.tartan.search;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/** Adds up where the time of searches goes. Safe for any number of threads. */
public final class StageClock {
  private final Map<Stage, LongAdder> nanos = new EnumMap<>(Stage.class);

  StageClock() {
    for (Stage stage : Stage.values()) {
      nanos.put(stage, new LongAdder());
    }
  }

  /** Charges the time since {@code start} to {@code stage} and returns the time now. */
  long charge(Stage stage, long start) {
    long now = System.nanoTime();
    Objects.requireNonNull(nanos.get(stage)).add(now - start);
    return now;
  }

  /** Nanoseconds spent in each stage by all searches so far. */
  public Map<Stage, Long> nanos() {
    Map<Stage, Long> copy = new EnumMap<>(Stage.class);
    nanos.forEach((stage, adder) -> copy.put(stage, adder.sum()));
    return copy;
  }
}
