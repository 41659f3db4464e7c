package io.sluice.ingester.cli;

import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.GZIPInputStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sluice write`.
@Command(
        name = "write",
        description = {
            "Writes line protocol from files or standard input; gzip is recognised by itself.",
            "Exit code 0 if every line was written and is durable, 1 if some were not."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice write --namespace metrics cpu.lp mem.lp.gz",
            "  telegraf --test | sluice write --namespace metrics -",
        })
final class WriteCommand implements Callable<Integer> {
    private static final int GZIP_MAGIC = 0x8b1f;
    private static final int MAX_IN_FLIGHT = 64;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ServerOption server = new ServerOption();

    @Option(names = "--namespace", paramLabel = "N", required = true, description = "Where the rows go")
    private String namespace = "";

    @Option(
            names = "--precision",
            paramLabel = "ns|us|ms|s",
            defaultValue = "ns",
            description = "Unit of timestamps (default: ${DEFAULT-VALUE})")
    private String precision = "ns";

    @Option(
            names = "--batch-lines",
            paramLabel = "N",
            defaultValue = "5000",
            description = "Lines of one write (default: ${DEFAULT-VALUE})")
    private int batchLines = 5_000;

    @Option(
            names = "--in-flight",
            paramLabel = "N",
            defaultValue = "4",
            description = {
                "Writes under way at once (default: ${DEFAULT-VALUE}).",
                "With 1, of two lines with one key the later always wins; with more, only within a batch."
            })
    private int inFlight = 4;

    @Parameters(paramLabel = "FILE", description = "Files; - or none: standard input")
    private List<String> files = List.of();

    @Override
    public Integer call() throws IOException {
        NamespaceName name = name();
        Precision unit = Precision.parse(precision)
                .orElseThrow(() -> new CommandFailedException(
                        ExitCodes.USAGE, "--precision is '%s': expected ns, us, ms or s".formatted(precision)));
        if (batchLines < 1) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--batch-lines is %d: expected at least 1".formatted(batchLines));
        }
        if (inFlight < 1 || inFlight > MAX_IN_FLIGHT) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--in-flight is %d: expected 1 to %d".formatted(inFlight, MAX_IN_FLIGHT));
        }
        server.address(); // a mistake in it is told before anything is read
        List<String> inputs = files.isEmpty() ? List.of("-") : files;
        // The launcher asks the shell: Java knows of standard input and output only.
        boolean onTerminal = Boolean.getBoolean("sluice.stderr.terminal");
        Progress progress = new Progress(spec.commandLine().getErr(), onTerminal, totalBytes(inputs));
        try {
            boolean all = server.call(channel -> write(
                    sender(new WriteCalls(channel, WriteCommand::pause), name, unit, progress), inputs, progress));
            return all ? ExitCodes.OK : ExitCodes.PARTIAL;
        } finally {
            progress.finish();
        }
    }

    private NamespaceName name() {
        try {
            return new NamespaceName(namespace);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, "--namespace: " + e.getMessage());
        }
    }

    private LineSender sender(WriteCalls calls, NamespaceName name, Precision unit, Progress progress) {
        return new LineSender(calls, name, unit, inFlight, progress, Clock.systemUTC());
    }

    private static void pause(Duration delay) {
        LockSupport.parkNanos(delay.toNanos());
    }

    private boolean write(LineSender sender, List<String> inputs, Progress progress) {
        for (String input : inputs) {
            try (InputStream in = open(input, progress)) {
                LineBatches batches = new LineBatches(in, batchLines);
                for (LineBatches.Batch batch = batches.next(); !batch.isEmpty(); batch = batches.next()) {
                    sender.send(input, batch);
                }
            } catch (IOException e) {
                sender.finish();
                throw new CommandFailedException(ExitCodes.IO, "cannot read %s: %s".formatted(input, Text.reason(e)));
            }
        }
        return sender.finish();
    }

    private static long totalBytes(List<String> inputs) throws IOException {
        long total = 0;
        for (String input : inputs) {
            if (input.equals("-")) {
                return 0;
            }
            total += Files.exists(Path.of(input)) ? Files.size(Path.of(input)) : 0;
        }
        return total;
    }

    private static InputStream open(String input, Progress progress) throws IOException {
        InputStream raw = input.equals("-") ? System.in : Files.newInputStream(Path.of(input));
        try {
            BufferedInputStream in = new BufferedInputStream(progress.counting(raw), 1 << 16);
            in.mark(2);
            int magic = in.read() | in.read() << 8;
            in.reset();
            return magic == GZIP_MAGIC ? new GZIPInputStream(in, 1 << 16) : in;
        } catch (IOException e) {
            raw.close();
            throw e;
        }
    }
}
