package dev.tartan.jmh.scale;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** What is measured at each size. */
final class ScaleOptions {
  @Option(names = "--nbits", description = "Bits a dimension (default: ${DEFAULT-VALUE}).")
  int nbits = 2;

  @Option(names = "--centroids", description = "How many; 0 for the default of the index.")
  int centroids = 0;

  @Option(names = "--threads", description = "Threads to index with (default: all processors).")
  int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--queries", description = "Queries to time (default: ${DEFAULT-VALUE}).")
  int queries = 200;

  @Option(
      names = "--query-rows",
      description = "Rows of each query; 0 for those of real ones (default: ${DEFAULT-VALUE}).")
  int queryRows = 32;

  @Option(
      names = "--recall-queries",
      description = "Queries to search exhaustively as well (default: ${DEFAULT-VALUE}).")
  int recallQueries = 40;

  @Option(
      names = "--no-calibration",
      description = "Search with the default settings in place of those measured on the index.")
  boolean uncalibrated;

  Map<String, Object> describe() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("nbits", nbits);
    values.put("centroids", centroids);
    values.put("threads", threads);
    values.put("queryRows", queryRows);
    values.put("calibrated", !uncalibrated);
    return values;
  }
}
