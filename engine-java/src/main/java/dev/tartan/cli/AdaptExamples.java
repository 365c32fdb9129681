package dev.tartan.cli;

import dev.tartan.Tartan;
import dev.tartan.TextIndexer;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Collection;
import dev.tartan.collection.TrainingExample;
import dev.tartan.collection.TrainingExamples;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.train.NegativeMiner;
import dev.tartan.train.Teacher;
import dev.tartan.train.TrainingData;
import dev.tartan.train.TrainingFiles;
import dev.tartan.train.synthetic.RoundTrip;
import dev.tartan.train.synthetic.SyntheticQuery;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The second part of an adaptation: queries that find their passage, with hard negatives, scored by
 * teachers if there are any.
 */
final class AdaptExamples {
  private static final int BLOCK = 256;

  private final AdaptFolder folder;
  private final Path collection;
  private final Shared shared;
  private final Progress progress;
  private final AdaptReport report;

  AdaptExamples(AdaptFolder folder, Path collection, Shared shared, AdaptReport report) {
    this.folder = folder;
    this.collection = collection;
    this.shared = shared;
    this.progress = shared.progress();
    this.report = report;
  }

  /** The index of the run, made if it is not there. */
  Path index(String model, @Nullable String language) {
    Path index = folder.file("index");
    if (!IndexDirectory.exists(index)) {
      try (Encoder encoder = shared.openModel(model, language);
          Backend backend = shared.openBackend()) {
        IndexOptions options =
            new IndexOptions(
                encoder.dim(),
                ResidualCodec.Kind.TARTAN,
                2,
                0,
                false,
                encoder.model(),
                encoder.language(),
                null);
        new TextIndexer(encoder, backend, progress)
            .index(new Collection(collection), index, options);
        progress.done();
      }
      report.time("index");
    }
    return index;
  }

  /** Searches with each query. */
  List<List<String>> rankings(Path index, List<SyntheticQuery> queries, int depth) {
    List<String> texts = queries.stream().map(one -> one.query().text()).toList();
    List<List<String>> rankings = new ArrayList<>();
    try (Tartan tartan = Tartan.open(index, shared.openBackend(), shared.threads)) {
      progress.stage("searching", "queries", texts.size());
      for (int from = 0; from < texts.size(); from += BLOCK) {
        List<String> block = texts.subList(from, Math.min(texts.size(), from + BLOCK));
        for (List<Hit> hits : tartan.searchAll(block, SearchOptions.top(depth))) {
          rankings.add(hits.stream().map(Hit::id).toList());
        }
        progress.advance(block.size());
      }
    }
    progress.done();
    return rankings;
  }

  /** Filters by the round trip and mines negatives; gives the file of examples. */
  Path mined(
      List<SyntheticQuery> queries, List<List<String>> rankings, int top, NegativeMiner miner) {
    RoundTrip trip = RoundTrip.of(queries, rankings, top);
    report.roundTrip(trip, top);
    if (trip.kept().isEmpty()) {
      throw new TartanException(
          "none of %d queries finds its passage among the top %d; look at %s"
              .formatted(queries.size(), top, folder.file("queries.jsonl")));
    }
    folder.write(trip.kept(), "kept-queries.jsonl", "kept-qrels.tsv");
    List<TrainingExample> examples =
        miner.mine(
            SyntheticQuery.queries(trip.kept()),
            SyntheticQuery.qrels(trip.kept()),
            texts -> trip.rankings());
    report.time("round trip");
    return written("mined.jsonl", examples);
  }

  /** Scores examples by teachers, unless that was done before. */
  Path scored(Path mined, List<String> teachers) {
    Path scored = folder.file("scored.jsonl");
    List<Path> sources = List.of(mined, keptQueries());
    if (!folder.isMade(scored, sources, teachers)) {
      TrainingFiles files = new TrainingFiles(mined, keptQueries(), collection, null);
      TrainingData data = TrainingData.load(files, TrainingData.ALL, 0, progress);
      written("scored.jsonl", new Teacher(data, progress).teach(teachers, shared.threads));
      folder.made(scored, sources, teachers);
    }
    report.time("teaching");
    return scored;
  }

  Path keptQueries() {
    return folder.file("kept-queries.jsonl");
  }

  private Path written(String name, List<TrainingExample> examples) {
    Path file = folder.file(name);
    try (NewFiles files = new NewFiles()) {
      TrainingExamples.write(files.add(file), examples);
      files.publish();
    }
    return file;
  }
}
