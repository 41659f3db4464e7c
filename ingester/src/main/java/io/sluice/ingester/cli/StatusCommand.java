package io.sluice.ingester.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sluice.proto.v1.StatusRequest;
import io.sluice.proto.v1.StatusServiceGrpc;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice status`.
@Command(
        name = "status",
        description = {
            "Shows what the server is doing: problems first, then its parts.",
            "On a terminal in colours, unless NO_COLOR is set."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice status",
            "  sluice status --watch",
            "  sluice status --json --server ingester-1:8087",
        })
final class StatusCommand implements Callable<Integer> {
    private static final long DEADLINE_SECONDS = 10;
    private static final int MAX_WATCH_SECONDS = 3_600;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ServerOption server = new ServerOption();

    @Option(names = "--json", description = "The document as it is")
    private boolean json;

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "2",
            description =
                    "Look again so often (default: 2), with rates, until Ctrl-C; waits for a server that does not answer")
    private Optional<Integer> watch = Optional.empty();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        // The launcher asks the shell: Java knows of standard input and output only.
        boolean onTerminal = Boolean.getBoolean("sluice.stdout.terminal");
        Style style = Style.of(onTerminal, System.getenv());
        if (watch.isPresent()) {
            watch(interval(watch.get()), out, onTerminal, style);
        } else if (json) {
            out.println(ask());
        } else {
            StatusPage.lines(document(ask()), Optional.empty(), style).forEach(out::println);
        }
        out.flush();
        return ExitCodes.OK;
    }

    private Duration interval(int seconds) {
        if (json) {
            throw new CommandFailedException(ExitCodes.USAGE, "--watch and --json: expected one of them");
        }
        if (seconds < 1 || seconds > MAX_WATCH_SECONDS) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--watch is %d: expected 1 to %d seconds".formatted(seconds, MAX_WATCH_SECONDS));
        }
        return Duration.ofSeconds(seconds);
    }

    private void watch(Duration interval, PrintWriter out, boolean onTerminal, Style style) {
        server.address(); // a mistake in it is told before anything is shown
        Thread hook = new Thread(() -> end(out, onTerminal), "end");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            new StatusWatch(() -> document(ask()), out, onTerminal, style, StatusCommand::pause).run(interval);
        } finally {
            removeHook(hook);
        }
    }

    /// On Ctrl-C, which is how a watch ends, and no failure.
    private static void end(PrintWriter out, boolean onTerminal) {
        if (onTerminal) {
            out.println(StatusWatch.RESTORE);
        }
        out.flush();
        Runtime.getRuntime().halt(ExitCodes.OK);
    }

    private static void removeHook(Thread hook) {
        try {
            var _ = Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The hook runs already, and ends the process.
        }
    }

    private static boolean pause(Duration interval) {
        LockSupport.parkNanos(interval.toNanos());
        return !Thread.interrupted();
    }

    private String ask() {
        return server.call(channel -> StatusServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                .status(StatusRequest.getDefaultInstance())
                .getJson());
    }

    private static JsonNode document(String text) {
        try {
            JsonNode document = new ObjectMapper().readTree(text);
            if (document.isObject()) {
                return document;
            }
        } catch (JsonProcessingException e) {
            throw new CommandFailedException(
                    ExitCodes.PARTIAL, "the server's status is no JSON: " + e.getOriginalMessage());
        }
        throw new CommandFailedException(ExitCodes.PARTIAL, "the server's status is no JSON object");
    }
}
