package io.sluice.ingester.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.wal.WalInspector;
import io.sluice.wal.WalInspector.EntryInfo;
import io.sluice.wal.WalInspector.SegmentInfo;
import io.sluice.wal.WalProblem;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice wal`: looks at a log's folder, also while a server uses it. Changes nothing.
@Command(
        name = "wal",
        description = "Looks at the log on disk; changes nothing.",
        mixinStandardHelpOptions = true,
        subcommands = {WalCommand.Ls.class, WalCommand.Verify.class, WalCommand.Dump.class},
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice wal ls",
            "  sluice wal verify --data-dir /var/lib/sluice",
            "  sluice wal dump --from 100 --to 110 --values",
        })
final class WalCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getErr());
        throw new CommandFailedException(ExitCodes.USAGE, "a command is missing: ls, verify or dump");
    }

    /// Where the log is.
    static final class Folder {
        @Option(
                names = "--data-dir",
                paramLabel = "DIR",
                defaultValue = "./sluice-data",
                description = "The server's data folder (default: ${DEFAULT-VALUE})")
        private Path dataDirectory = Path.of("./sluice-data");

        @Option(
                names = "--wal-dir",
                paramLabel = "DIR",
                description = "The log's folder (default: wal in the data folder)")
        private Path walDirectory = Path.of("");

        WalInspector inspector() {
            Path folder = walDirectory.toString().isEmpty() ? dataDirectory.resolve("wal") : walDirectory;
            if (!Files.isDirectory(folder)) {
                throw new CommandFailedException(ExitCodes.IO, "there is no log folder %s".formatted(folder));
            }
            return new WalInspector(
                    folder, Thread.ofPlatform().daemon().name("read-ahead").factory());
        }
    }

    @Command(
            name = "ls",
            description = "Lists the segments.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = "  sluice wal ls --data-dir /var/lib/sluice")
    static final class Ls implements Callable<Integer> {
        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Folder folder = new Folder();

        @Override
        public Integer call() throws IOException {
            List<SegmentInfo> segments = folder.inspector().segments();
            PrintWriter out = spec.commandLine().getOut();
            out.printf("%-24s %10s %12s %12s %10s  %s%n", "segment", "size", "first", "last", "entries", "created");
            for (SegmentInfo segment : segments) {
                out.printf(
                        "%-24s %10s %12s %12s %10d  %s%n",
                        segment.file().getFileName(),
                        Units.bytes(segment.sizeBytes()),
                        segment.firstSequence().map(String::valueOf).orElse("-"),
                        segment.lastSequence().map(String::valueOf).orElse("-"),
                        segment.entries(),
                        segment.createdAt().map(Instant::toString).orElse("header damaged"));
            }
            out.flush();
            return ExitCodes.OK;
        }
    }

    @Command(
            name = "verify",
            description = {
                "Reads every entry and says what is not as it should be; exit code 1 if anything is.",
                "While a server writes, the end of the last segment may look torn."
            },
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = "  sluice wal verify --wal-dir /fast-disk/wal")
    static final class Verify implements Callable<Integer> {
        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Folder folder = new Folder();

        @Override
        public Integer call() throws IOException {
            PrintWriter out = spec.commandLine().getOut();
            List<WalProblem> problems = folder.inspector().verify();
            problems.forEach(problem -> out.println(problem.describe()));
            if (problems.isEmpty()) {
                out.println("the log is sound");
            }
            out.flush();
            return problems.isEmpty() ? ExitCodes.OK : ExitCodes.PARTIAL;
        }
    }

    @Command(
            name = "dump",
            description = "Prints the entries: number, place, namespace, tables and rows.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {"  sluice wal dump --from 1 --to 10", "  sluice wal dump --values"})
    static final class Dump implements Callable<Integer> {
        /// How often to look whether anybody still reads: looking flushes.
        private static final int ENTRIES_PER_CHECK = 100;

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private Folder folder = new Folder();

        @Option(names = "--from", paramLabel = "SEQ", description = "First sequence number (default: ${DEFAULT-VALUE})")
        private long from = 1;

        @Option(names = "--to", paramLabel = "SEQ", description = "Last sequence number (default: the last)")
        private long to = Long.MAX_VALUE;

        @Option(names = "--values", description = "All values, as the JSON of the write")
        private boolean values;

        private long printed;

        @Override
        public Integer call() throws IOException {
            if (from > to) {
                throw new CommandFailedException(
                        ExitCodes.USAGE, "--from is %d and --to %d: expected the first no greater".formatted(from, to));
            }
            PrintWriter out = spec.commandLine().getOut();
            folder.inspector().entries(from, to, entry -> print(entry, out));
            out.flush();
            return ExitCodes.OK;
        }

        private void print(EntryInfo entry, PrintWriter out) {
            String content;
            try {
                WriteRequest write = WriteRequest.parseFrom(entry.payload());
                content = values
                        ? JsonFormat.printer().omittingInsignificantWhitespace().print(write)
                        : "%s: %s"
                                .formatted(
                                        write.getNamespace(),
                                        write.getTablesList().stream()
                                                .map(Dump::describe)
                                                .collect(Collectors.joining(", ")));
            } catch (InvalidProtocolBufferException e) {
                content = "not a write: " + e.getMessage();
            }
            if (++printed % ENTRIES_PER_CHECK == 0 && out.checkError()) {
                throw new OutputClosedException();
            }
            out.printf(
                    "%d  segment %d at %d, %d bytes  %s%n",
                    entry.sequence(), entry.segmentId(), entry.position(), entry.payload().length, content);
        }

        private static String describe(TableBatch table) {
            return "%s (%d rows, %d columns)".formatted(table.getTable(), table.getRowCount(), table.getColumnsCount());
        }
    }
}
