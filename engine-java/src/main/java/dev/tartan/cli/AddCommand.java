package dev.tartan.cli;

import dev.tartan.TextIndexer;
import dev.tartan.collection.Collection;
import dev.tartan.collection.MetadataLines;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.indexing.Compaction;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Adds documents to an index. */
@Command(
    name = "add",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Adds documents to an index, in one commit, while it is being searched.",
      "",
      "Texts are encoded by the index's model, split and compressed as the index has it. What is added",
      "becomes a small segment at once; small segments are merged now and then, which takes no model.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan add --collection more.jsonl --index my-index",
      "  tartan add --collection changed.jsonl --index my-index --upsert",
      "  tartan add --embeddings more.npy --doclens lens.npy --ids ids.txt --index my-index",
    })
final class AddCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @ArgGroup(multiplicity = "1")
  IndexCommand.Input input;

  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Option(
      names = "--upsert",
      description = "Replace documents whose id is in the index already; else they are refused.")
  boolean upsert;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    long start = System.nanoTime();
    Manifest before = Manifest.read(index);
    try (Backend backend = shared.openBackend()) {
      Manifest after = input.collection == null ? embeddings(backend) : texts(backend, before);
      report(before, after, (System.nanoTime() - start) * 1e-9);
    }
    return 0;
  }

  private Manifest texts(Backend backend, Manifest before) {
    Path file = Objects.requireNonNull(input.collection);
    Progress progress = shared.progress();
    Inputs.check(file, before.schema(), progress);
    String model = before.model();
    if (model == null) {
      throw new TartanException(
          "%s was made of brought embeddings and knows no model; add with --embeddings"
              .formatted(index));
    }
    IndexWriter.append(index, backend, progress)
        .close(); // another writer or a full disk shows before the model loads
    try (Encoder encoder = shared.openModel(model, before.language())) {
      TextIndexer.Result result =
          new TextIndexer(encoder, backend, progress).add(new Collection(file), index, upsert);
      progress.done();
      IndexCommand.noteWithoutText(shared, result);
      return result.manifest();
    }
  }

  private Manifest embeddings(Backend backend) {
    IndexCommand.Brought brought = Objects.requireNonNull(input.brought);
    Progress progress = shared.progress();
    if (brought.ids == null) {
      throw shared.wrong("--ids is missing: documents that are added need ids of their own");
    }
    List<String> ids = Inputs.lines(brought.ids);
    try (NpyEmbeddings source = new NpyEmbeddings(brought.embeddings, brought.doclens);
        MetadataLines metadata = brought.openMetadata();
        IndexWriter writer = IndexWriter.append(index, backend, progress)) {
      if (upsert) {
        ids.forEach(writer::delete);
      }
      writer.commit(source, ids, metadata);
    }
    Manifest manifest = new Compaction(index, backend, progress).merge();
    progress.done();
    return manifest;
  }

  private void report(Manifest before, Manifest after, double seconds) {
    if (shared.json) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("index", index.toString());
      values.put("commit", after.commit());
      values.put("documents", after.documents());
      values.put("segments", after.segments().size());
      values.put("seconds", seconds);
      shared.printJson(values);
      return;
    }
    shared.print(
        String.format(
            Locale.ROOT,
            "%s: %,d documents, %,d before; %d segment%s, in %s",
            index,
            after.documents(),
            before.documents(),
            after.segments().size(),
            after.segments().size() == 1 ? "" : "s",
            TerminalProgress.time(seconds)));
    Health.of(after).advice().ifPresent(shared::notice);
  }
}
