package dev.tartan.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How every command prints and refuses. */
class Output {
  private static final ObjectMapper JSON = new ObjectMapper();

  @SuppressWarnings("NullAway.Init") // picocli sets it
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(names = "--json", description = "Print JSON for machines.")
  boolean json;

  void notice(String text) {
    spec.commandLine().getErr().println("note: " + text);
  }

  void print(String line) {
    spec.commandLine().getOut().println(line);
  }

  void printJson(Object value) {
    try {
      print(JSON.writeValueAsString(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Makes an options record of what was typed: what it refuses is wrong usage. */
  <T> T usage(Supplier<T> options) {
    try {
      return options.get();
    } catch (TartanException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** Whether {@code option} was typed, also if its default was. */
  boolean typed(String option) {
    return spec.commandLine().getParseResult().hasMatchedOption(option);
  }
}
