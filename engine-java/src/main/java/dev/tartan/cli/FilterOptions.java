package dev.tartan.cli;

import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Filter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which documents a search may find. */
final class FilterOptions {
  @Option(
      names = "--filter",
      paramLabel = "TEXT",
      description =
          "Find only documents of whose metadata this is true: year >= 2020 and (tag in ('a', 'b') or not"
              + " exists(author)) and title like 'late%%'.")
  @Nullable String text;

  @Option(
      names = "--filter-json",
      paramLabel = "JSON",
      description =
          "The same as JSON, or the file that holds it: {\"field\": \"year\", \">=\": 2020}.")
  @Nullable String json;

  @Option(
      names = "--ids-only",
      paramLabel = "FILE",
      description = "Find only documents of these ids, one a line.")
  @Nullable Path ids;

  /** All of them together; null if none is given. */
  @Nullable Filter filter(Output output) {
    List<Filter> filters = new ArrayList<>();
    String typed = text;
    if (typed != null) {
      filters.add(output.usage(() -> Filter.parse(typed)));
    }
    String given = json;
    if (given != null) {
      filters.add(
          given.stripLeading().startsWith("{")
              ? output.usage(() -> Filter.parseJson(given))
              : Filter.parseJson(read(Path.of(given))));
    }
    if (ids != null) {
      filters.add(Filter.ids(Inputs.lines(ids)));
    }
    return filters.isEmpty() ? null : filters.stream().reduce(Filter::and).orElseThrow();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw TartanException.io("cannot read the filter of " + file, e);
    }
  }
}
