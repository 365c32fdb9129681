package dev.tartan.cli;

import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name a file of queries, as text or as embeddings. */
final class QueryFiles {
  @Option(
      names = "--queries",
      paramLabel = "FILE",
      description = "Queries: JSONL with _id or id and text, or TSV id<TAB>text.")
  @Nullable Path texts;

  @Option(
      names = "--query-embeddings",
      paramLabel = "NPY",
      description = "Query embeddings [queries, rows, dim] float16 or float32.")
  @Nullable Path embeddings;

  /** How many of the two were given. */
  int given() {
    return (texts == null ? 0 : 1) + (embeddings == null ? 0 : 1);
  }

  /** The queries of the file of texts; none if there is no such file. */
  List<Query> readTexts() {
    return texts == null ? List.of() : Queries.read(texts);
  }

  /** The file of embeddings, which must have been given. */
  QueryEmbeddings openEmbeddings() {
    return new QueryEmbeddings(Objects.requireNonNull(embeddings));
  }
}
