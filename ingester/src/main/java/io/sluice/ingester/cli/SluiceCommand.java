package io.sluice.ingester.cli;

import io.sluice.ingester.Version;
import io.sluice.wal.WalLockedException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/// `sluice` and its commands.
@Command(
        name = "sluice",
        description = "A time-series ingester: durable acks, rows readable over Arrow Flight, Parquet exactly once.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice serve                                     serve on 127.0.0.1, data in ./sluice-data",
            "  sluice write --namespace metrics cpu.lp.gz       write line protocol",
            "  sluice query --namespace metrics cpu             read it back",
            "  sluice persist --namespace metrics               make Parquet files now",
            "  sluice COMMAND --help                            more about a command",
        })
public final class SluiceCommand implements Runnable {
    @CommandLine.Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show the stack traces of errors")
    private boolean debug;

    /// The command line of the program.
    public static CommandLine create() {
        CommandLine line = new CommandLine(new SluiceCommand());
        line.addSubcommand("serve", ServeCommand.create());
        line.addSubcommand("write", new WriteCommand());
        line.addSubcommand("query", new QueryCommand());
        line.addSubcommand("persist", new PersistCommand());
        line.addSubcommand("namespace", new NamespaceCommand());
        line.addSubcommand("status", new StatusCommand());
        line.addSubcommand("reconfigure", new ReconfigureCommand());
        line.addSubcommand("wal", new WalCommand());
        line.addSubcommand("files", new FilesCommand());
        line.addSubcommand("gc", new GcCommand());
        tellVersion(line);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((failure, _) -> refuse(failure));
        line.setExecutionExceptionHandler((failure, failed, _) -> fail(failure, failed));
        return line;
    }

    /// `--version` is an option of every command, and says the same.
    private static void tellVersion(CommandLine line) {
        line.getCommandSpec().versionProvider(new BuildVersion());
        line.getSubcommands().values().forEach(SluiceCommand::tellVersion);
    }

    /// One line, and where to read more: the whole usage would hide what is wrong.
    private static int refuse(ParameterException failure) {
        CommandLine failed = failure.getCommandLine();
        StringWriter similar = new StringWriter();
        UnmatchedArgumentException.printSuggestions(failure, new PrintWriter(similar, true));
        String hint = similar.toString().strip().replaceAll("\\s+", " ");
        failed.getErr()
                .printf(
                        "sluice: %s;%s see %s --help%n",
                        Text.oneLine(String.valueOf(failure.getMessage())),
                        hint.isEmpty() ? "" : " " + hint,
                        failed.getCommandSpec().qualifiedName());
        failed.getErr().flush();
        return ExitCodes.USAGE;
    }

    private static int fail(Exception failure, CommandLine failed) {
        if (failure instanceof OutputClosedException) {
            return ExitCodes.OK;
        }
        PrintWriter err = failed.getErr();
        int code = switch (failure) {
            case CommandFailedException known -> known.exitCode();
            case WalLockedException _ -> ExitCodes.UNAVAILABLE;
            case IOException _ -> ExitCodes.IO;
            default -> ExitCodes.SOFTWARE;
        };
        boolean debug = isDebug(failed);
        if (debug) {
            failure.printStackTrace(err);
        }
        err.println("sluice: " + Text.oneLine(message(failure))
                + (code == ExitCodes.SOFTWARE && !debug ? "; --debug says more" : ""));
        err.flush();
        return code;
    }

    private static boolean isDebug(CommandLine failed) {
        return failed.getCommandSpec().root().userObject() instanceof SluiceCommand root && root.debug;
    }

    private static String message(Exception failure) {
        return switch (failure) {
            case CommandFailedException known -> String.valueOf(known.getMessage());
            case IOException io -> Text.reason(io);
            default -> "internal error: " + failure;
        };
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getErr());
        throw new CommandFailedException(ExitCodes.USAGE, "a command is missing");
    }

    /// Version and commit.
    static final class BuildVersion implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"sluice %s (%s)".formatted(Version.number(), Version.commit())};
        }
    }
}
