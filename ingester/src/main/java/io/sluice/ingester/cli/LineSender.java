package io.sluice.ingester.cli;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.sluice.ingester.cli.WriteCalls.Answer;
import io.sluice.ingester.lineprotocol.LineError;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteResponse;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;

/// Sends batches of lines as writes, a few at a time, so that every good line is written and the bad ones are named.
/// For one thread.
///
/// A write is all or nothing, and the schema is the server's: a line that contradicts it brings down its whole batch.
/// Such a batch is sent again in halves, in its order, until the line is found. What is written on the way tells the
/// columns' types, so that more lines of that kind are found without asking.
final class LineSender {
    /// Lines and batches that are named; all are counted.
    static final int MAX_NAMED = 20;
    /// Retries that are told.
    private static final int MAX_NOTICES = 20;
    /// Bad lines of a batch that are looked at twice: are they bad by themselves?
    private static final int MAX_EXAMINED = 10_000;
    /// Writes to spend on finding bad lines: enough for some fifty in batches of 5,000. Then a batch fails as a whole,
    /// as otherwise a file that is all wrong would cost two writes for each line.
    static final int MAX_SEARCH_WRITES = 1_000;
    /// What a batch without faults adds again to those.
    private static final int EARNED_SEARCH_WRITES = 10;

    private final WriteCalls calls;
    private final NamespaceName namespace;
    private final Precision precision;
    private final Progress progress;
    private final InstantSource clock;
    private final int maxInFlight;
    private final LineProtocolParser parser =
            new LineProtocolParser(ThreadLocalRandom.current().nextLong());
    private final LearnedColumns known;
    private final Deque<InFlight> inFlight = new ArrayDeque<>();
    private int searchWrites = MAX_SEARCH_WRITES;
    private boolean all = true;
    private int named;
    private int notices;

    /// @param clock tells the timestamp of lines that have none
    LineSender(
            WriteCalls calls,
            NamespaceName namespace,
            Precision precision,
            int maxInFlight,
            Progress progress,
            InstantSource clock) {
        this.calls = calls;
        this.namespace = namespace;
        this.precision = precision;
        this.maxInFlight = maxInFlight;
        this.progress = progress;
        this.clock = clock;
        this.known = new LearnedColumns(namespace);
    }

    /// Lines of one input.
    ///
    /// @param nowNs the timestamp of lines that have none, the same for all parts of a batch
    /// @param isBatch whether it is a batch as it was cut, and not a part of one
    private record Part(String input, LineBatches.Batch lines, long nowNs, boolean isBatch) {
        List<Part> halves() {
            return lines.halves().stream()
                    .map(half -> new Part(input, half, nowNs, false))
                    .toList();
        }

        /// The lines in words.
        String place() {
            return lines.count() == 1
                    ? "%s line %d".formatted(input, lines.firstLine())
                    : "%s lines %d to %d".formatted(input, lines.firstLine(), lines.lastLine());
        }
    }

    private record InFlight(Part part, ParsedLines parsed, WriteRequest request, Future<WriteResponse> answer) {}

    /// Sends the good lines of a batch, and tells which are bad.
    ///
    /// @throws io.grpc.StatusRuntimeException if the server cannot be reached, or does not serve
    void send(String input, LineBatches.Batch batch) {
        begin(new Part(input, batch, clock.millis() * 1_000_000L, true)).ifPresent(write -> {
            inFlight.addLast(write);
            if (inFlight.size() >= maxInFlight) {
                await(inFlight.removeFirst());
            }
        });
    }

    /// Waits for what is under way; whether all lines were written.
    boolean finish() {
        while (!inFlight.isEmpty()) {
            await(inFlight.removeFirst());
        }
        return all;
    }

    /// Sends a part as one write, if it can be one; otherwise writes it in halves.
    private Optional<InFlight> begin(Part part) {
        ParsedLines parsed = parse(part, part.lines().bytes());
        if (parsed.badLines() > 0 && mayDivide(part) && contradictItself(part, parsed)) {
            divide(part);
            return Optional.empty();
        }
        if (parsed.request().isEmpty()) {
            tellBadLines(part, parsed);
            return Optional.empty();
        }
        WriteRequest request = request(parsed.request().get());
        return Optional.of(new InFlight(part, parsed, request, calls.start(request)));
    }

    /// Whether lines are bad only because of others before them, which may be the ones at fault.
    private boolean contradictItself(Part part, ParsedLines parsed) {
        return parsed.rows() > 0
                && parse(part, part.lines().only(parsed.errors())).rows() > 0;
    }

    private boolean mayDivide(Part part) {
        return part.lines().count() > 1 && searchWrites > 0;
    }

    private void divide(Part part) {
        searchWrites -= 2;
        for (Part half : part.halves()) {
            begin(half).ifPresent(this::await);
        }
    }

    private ParsedLines parse(Part part, byte[] bytes) {
        return parser.parse(
                bytes, 0, bytes.length, new ParseOptions(namespace, precision, part.nowNs(), MAX_EXAMINED, known));
    }

    private static WriteRequest request(byte[] bytes) {
        try {
            return WriteRequest.parseFrom(ByteString.copyFrom(bytes));
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("the parser writes no valid request", e);
        }
    }

    private void await(InFlight write) {
        Part part = write.part();
        switch (answer(write)) {
            case Answer.Written() -> {
                known.learn(write.request());
                if (part.isBatch()) {
                    searchWrites = Math.min(MAX_SEARCH_WRITES, searchWrites + EARNED_SEARCH_WRITES);
                }
                progress.written(write.parsed().rows());
                tellBadLines(part, write.parsed());
            }
            case Answer.Rejected(String reason) -> {
                if (mayDivide(part)) {
                    divide(part);
                } else {
                    notWritten(write, "not written: " + reason);
                }
            }
            case Answer.Failed(String reason, boolean isWrittenPerhaps) ->
                notWritten(write, (isWrittenPerhaps ? "may or may not be written: " : "not written: ") + reason);
            case Answer.Unavailable(var failure) -> {
                tell("%s, and what follows, may not be written".formatted(part.place()));
                throw failure;
            }
        }
    }

    private Answer answer(InFlight write) {
        try {
            return calls.await(write.request(), write.answer(), why -> notice(write.part(), why));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException(ExitCodes.PARTIAL, "interrupted");
        }
    }

    private void notWritten(InFlight write, String why) {
        tellBadLines(write.part(), write.parsed());
        all = false;
        long rows = write.parsed().rows();
        progress.bad(rows);
        tell("%s: %s%s".formatted(write.part().place(), write.part().lines().count() == 1 ? "" : rows + " rows ", why));
    }

    private void tellBadLines(Part part, ParsedLines parsed) {
        for (LineError error : parsed.errors()) {
            tell("%s line %d: %s"
                    .formatted(part.input(), part.lines().firstLine() + error.lineNumber() - 1, error.reason()));
        }
        if (parsed.badLines() > 0) {
            all = false;
            progress.bad(parsed.badLines());
        }
    }

    private void tell(String message) {
        if (named < MAX_NAMED) {
            progress.tell(message);
        } else if (named == MAX_NAMED) {
            progress.tell("more like that is counted, not shown");
        }
        named++;
    }

    private void notice(Part part, String message) {
        if (notices < MAX_NOTICES) {
            progress.tell("%s: %s".formatted(part.place(), message));
        }
        notices++;
    }
}
