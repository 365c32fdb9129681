package dev.tartan.cli;

import dev.tartan.compute.Backend;
import dev.tartan.indexing.Compaction;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Manifest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Deletes documents of an index. */
@Command(
    name = "delete",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Deletes documents of an index by their ids, in one commit, while it is being searched.",
      "",
      "The ids of other documents do not change. The space is given back when segments are merged;",
      "'tartan compact' does that at once.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan delete --index my-index doc-17 doc-18",
      "  tartan delete --index my-index --ids gone.txt --ignore-missing",
    })
final class DeleteCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Parameters(arity = "0..*", paramLabel = "ID", description = "Ids of documents.")
  List<String> given = new ArrayList<>();

  @Option(names = "--ids", paramLabel = "FILE", description = "A file of ids, one a line.")
  @Nullable Path file;

  @Option(
      names = "--ignore-missing",
      description = "Pass over ids that are not in the index; else nothing is deleted.")
  boolean ignoreMissing;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    List<String> ids = new ArrayList<>(given);
    if (file != null) {
      ids.addAll(Inputs.lines(file));
    }
    if (ids.isEmpty()) {
      throw shared.wrong("no document is named: give IDs or --ids FILE");
    }
    long start = System.nanoTime();
    Progress progress = shared.progress();
    try (Backend backend = shared.openBackend()) {
      Manifest before = Manifest.read(index);
      int missing = 0;
      try (IndexWriter writer = IndexWriter.append(index, backend, progress)) {
        for (String id : ids.stream().distinct().toList()) {
          if (!ignoreMissing) {
            writer.requireDelete(id);
          } else if (!writer.delete(id)) {
            missing++;
          }
        }
        writer.commit();
      }
      Manifest after = new Compaction(index, backend, progress).merge();
      progress.done();
      report(before, after, missing, (System.nanoTime() - start) * 1e-9);
    }
    return 0;
  }

  private void report(Manifest before, Manifest after, int missing, double seconds) {
    long deleted = before.documents() - after.documents();
    if (shared.json) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("index", index.toString());
      values.put("commit", after.commit());
      values.put("deleted", deleted);
      values.put("missing", missing);
      values.put("documents", after.documents());
      values.put("seconds", seconds);
      shared.printJson(values);
      return;
    }
    shared.print(
        String.format(
            Locale.ROOT,
            "%s: %,d document%s deleted, %,d left%s, in %s",
            index,
            deleted,
            deleted == 1 ? "" : "s",
            after.documents(),
            missing == 0 ? "" : String.format(Locale.ROOT, "; %,d ids were not there", missing),
            TerminalProgress.time(seconds)));
  }
}
