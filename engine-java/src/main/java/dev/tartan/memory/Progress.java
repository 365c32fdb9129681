package dev.tartan.memory;

/** Told how far a long piece of work is. Stages follow each other; calls come from one thread. */
public interface Progress {
  /** Ignores everything. */
  Progress NONE =
      new Progress() {
        @Override
        public void stage(String name, String unit, long total) {}

        @Override
        public void advance(long units) {}
      };

  /**
   * A new stage begins, and the one before it has ended.
   *
   * @param total units of work in this stage; -1 if not known
   */
  void stage(String name, String unit, long total);

  /** {@code units} more of the stage are done. */
  void advance(long units);

  /** What else there is to tell of the stage now, such as "loss 0.512". */
  default void detail(String text) {}

  /** The last stage has ended. */
  default void done() {}
}
