package dev.tartan.cli;

import dev.tartan.compute.Backend;
import dev.tartan.indexing.Compaction;
import dev.tartan.memory.Progress;
import dev.tartan.search.Calibration;
import dev.tartan.segment.Manifest;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes one segment of all. */
@Command(
    name = "compact",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Merges all segments of an index into one and gives back the space of deleted documents, while it is",
      "being searched.",
      "",
      "With --retrain, a new codec is trained for what the index holds now, all tokens are compressed again",
      "with it, and search settings are measured again: for an index that has grown much, or whose new",
      "documents are unlike the first ('tartan info' tells). Tokens are taken from the embeddings where",
      "these were kept (tartan index --keep-embeddings), else from what compression has left of them.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan compact --index my-index",
      "  tartan compact --index my-index --retrain",
    })
final class CompactCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Option(names = "--retrain", description = "Train a new codec and compress all again.")
  boolean retrain;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    long start = System.nanoTime();
    Progress progress = shared.progress();
    try (Backend backend = shared.openBackend()) {
      Manifest before = Manifest.read(index);
      Compaction compaction = new Compaction(index, backend, progress);
      Manifest after = retrain ? compaction.retrain() : compaction.compact();
      if (after.tokens() > 0 && (retrain || Health.of(after).outgrown())) {
        after = Calibration.calibrate(index, List.of(), Calibration.KS, backend, progress);
      }
      progress.done();
      report(before, after, (System.nanoTime() - start) * 1e-9);
    }
    return 0;
  }

  private void report(Manifest before, Manifest after, double seconds) {
    if (shared.json) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("index", index.toString());
      values.put("commit", after.commit());
      values.put("documents", after.documents());
      values.put("segments", after.segments().size());
      values.put("segmentsBefore", before.segments().size());
      values.put("centroids", after.codec().centroids());
      values.put("seconds", seconds);
      shared.printJson(values);
      return;
    }
    shared.print(
        String.format(
            Locale.ROOT,
            "%s: %,d documents, %d segment%s, %d before%s, in %s",
            index,
            after.documents(),
            after.segments().size(),
            after.segments().size() == 1 ? "" : "s",
            before.segments().size(),
            retrain ? String.format(Locale.ROOT, ", %,d centroids", after.codec().centroids()) : "",
            TerminalProgress.time(seconds)));
  }
}
