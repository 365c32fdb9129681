package dev.tartan.cli;

import dev.tartan.memory.TartanException;
import java.io.PrintWriter;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code tartan} command. */
@Command(
    name = "tartan",
    mixinStandardHelpOptions = true,
    version = "tartan 0.1.0",
    description =
        "Late-interaction retrieval: ColBERTv2 models, compressed token embeddings, PLAID search.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      IndexCommand.class,
      AddCommand.class,
      DeleteCommand.class,
      CompactCommand.class,
      SearchCommand.class,
      TuneCommand.class,
      RerankCommand.class,
      EncodeCommand.class,
      EvalCommand.class,
      InfoCommand.class,
      VerifyCommand.class,
      RepairCommand.class,
      ImportCommand.class,
      ExportCommand.class,
      TrainCommand.class,
      MineCommand.class,
      TeachCommand.class,
      AdaptCommand.class,
      ProjectCommand.class,
    },
    footer = {
      "",
      "'tartan test' builds and runs all tests. 'tartan COMMAND --help' tells all about a command.",
      "Exit codes: 0 success, 1 failure, 2 wrong usage. TARTAN_DEBUG=1 adds stack traces.",
    })
public final class Main implements Runnable {
  private static final int WIDTH = 100;

  @SuppressWarnings("NullAway.Init") // picocli sets it
  @Spec
  CommandSpec spec;

  private Main() {}

  public static void main(String[] args) {
    AtomicBoolean done = new AtomicBoolean();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (!done.get()) {
                    System.err.println(System.lineSeparator() + "tartan: interrupted");
                  }
                }));
    int exit = run(args);
    done.set(true);
    System.exit(exit);
  }

  private static int run(String... args) {
    return run(
        new PrintWriter(System.out, true, System.out.charset()),
        new PrintWriter(System.err, true, System.err.charset()),
        args);
  }

  /** Runs one command line and returns its exit code. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine line = new CommandLine(new Main());
    line.setOut(out);
    line.setErr(err);
    line.setUsageHelpWidth(WIDTH);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(Main::wrongUsage);
    line.setExecutionExceptionHandler((e, command, parsed) -> failure(e, command.getErr()));
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) {
      return failure(
          new TartanException("out of memory; give Java more: JAVA_OPTS=-Xmx8g", e), err);
    } catch (LinkageError e) { // a library that is missing or not for this machine
      return failure(new TartanException("a library does not load: " + e, e), err);
    }
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static int wrongUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("tartan: " + oneLine(e.getMessage()).replaceFirst("^Error: ", ""));
    err.println("try '" + command.getCommandSpec().qualifiedName() + " --help'");
    return CommandLine.ExitCode.USAGE;
  }

  private static int failure(Exception e, PrintWriter err) {
    if (e instanceof TartanException) {
      err.println("tartan: " + oneLine(e.getMessage()));
    } else {
      err.println("tartan: internal error, please report it: " + oneLine(e.toString()));
    }
    if (System.getenv("TARTAN_DEBUG") != null) {
      e.printStackTrace(err);
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String oneLine(@org.jspecify.annotations.Nullable String message) {
    return message == null ? "unknown" : message.replaceAll("\\s*\\R\\s*", " ");
  }
}
