package dev.tartan.compute.cuda;

import dev.tartan.compute.Candidates;

/** The candidates that a launch scores. */
sealed interface Scored {
  int queries();

  /** The candidates of the query that has most. */
  long most();

  /** Writes the {@code Candidates} of a launch. */
  CudaCall write(CudaCall call);

  /** Those of all queries of a batch. */
  record All(Candidates candidates) implements Scored {
    @Override
    public int queries() {
      return candidates.queries();
    }

    @Override
    public long most() {
      return candidates.largest();
    }

    @Override
    public CudaCall write(CudaCall call) {
      return call.candidates(candidates);
    }
  }

  /**
   * Some of one query.
   *
   * @param passages where their numbers are on the device
   * @param scores where their scores go
   */
  record Some(long passages, long scores, int count) implements Scored {
    @Override
    public int queries() {
      return 1;
    }

    @Override
    public long most() {
      return count;
    }

    @Override
    public CudaCall write(CudaCall call) {
      return call.candidates(passages, scores, count);
    }
  }
}
