package io.sluice.ingester.cli;

import io.grpc.StatusRuntimeException;
import io.sluice.ingester.Version;
import io.sluice.wal.WalLockedException;
import java.io.IOException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;

/// `sluice` and its commands.
@Command(
        name = "sluice",
        description = "A time-series ingester: durable acks, rows readable over Arrow Flight, Parquet exactly once.",
        mixinStandardHelpOptions = true,
        versionProvider = SluiceCommand.BuildVersion.class,
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

    /// The command line of the program.
    public static CommandLine create() {
        CommandLine line = new CommandLine(new SluiceCommand());
        line.addSubcommand("serve", ServeCommand.create());
        line.addSubcommand("write", new WriteCommand());
        line.addSubcommand("query", new QueryCommand());
        line.addSubcommand("persist", new PersistCommand());
        line.addSubcommand("status", new StatusCommand());
        line.addSubcommand("wal", new WalCommand());
        line.addSubcommand("gc", new GcCommand());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((failure, failed, _) -> fail(failure, failed.getErr()));
        return line;
    }

    private static int fail(Exception failure, PrintWriter err) throws Exception {
        int code = switch (failure) {
            case CommandFailedException failed -> failed.exitCode();
            case StatusRuntimeException status ->
                switch (status.getStatus().getCode()) {
                    case UNAVAILABLE, DEADLINE_EXCEEDED -> ExitCodes.UNAVAILABLE;
                    default -> ExitCodes.PARTIAL;
                };
            case WalLockedException _ -> ExitCodes.UNAVAILABLE;
            case IOException _ -> ExitCodes.IO;
            default -> throw failure;
        };
        err.println("sluice: " + message(failure));
        return code;
    }

    private static String message(Exception failure) {
        return failure instanceof StatusRuntimeException status
                ? status.getStatus().getCode() + ": " + status.getStatus().getDescription()
                : String.valueOf(failure.getMessage());
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
