package io.sluice.benches;

import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.model.NamespaceName;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// The steps of a write by themselves, on one thread. What counts is this thread's processor time, as the machine may
/// have other work; so the collector's threads are left out.
final class IngestSteps {
    private static final int BODIES = 8;
    private static final int BODY_ROWS = 5_000;
    private static final int SMALL_ROWS = 1_000;
    private static final int WRITES = 64;
    /// As many writes as a group of the log has when 16 clients write.
    private static final int GROUP = 16;

    private static final long SEED = 1;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final Path directory;
    private final Duration length;

    /// @param length of a measurement, in processor time
    IngestSteps(Path directory, Duration length) {
        this.directory = directory;
        this.length = length;
    }

    /// Something that is done again and again.
    @FunctionalInterface
    private interface Step {
        /// Returns how much was done.
        long run(int turn) throws IOException;
    }

    private double perSecond(Step step) throws IOException {
        long done = 0;
        long start = THREADS.getCurrentThreadCpuTime();
        long took = 0;
        for (int turn = 0; took < length.toNanos(); turn++) {
            done += step.run(turn);
            took = THREADS.getCurrentThreadCpuTime() - start;
        }
        return done / (took / 1e9);
    }

    private static List<byte[]> bodies() {
        CpuWrites writes = new CpuWrites(SEED);
        List<byte[]> bodies = new ArrayList<>();
        for (int i = 0; i < BODIES; i++) {
            bodies.add(writes.nextLines(BODY_ROWS));
        }
        return bodies;
    }

    private static List<byte[]> requests(int rows) {
        CpuTicks ticks = new CpuTicks(SEED);
        List<byte[]> requests = new ArrayList<>();
        for (int i = 0; i < WRITES; i++) {
            requests.add(ticks.next(rows).toByteArray());
        }
        return requests;
    }

    /// Line protocol into columns: rows a second.
    double parse() throws IOException {
        List<byte[]> bodies = bodies();
        ParseOptions options =
                new ParseOptions(new NamespaceName("bench"), Precision.NS, CpuWrites.START_NS, 1, KnownColumns.NONE);
        LineProtocolParser parser = new LineProtocolParser(SEED);
        return perSecond(turn -> {
            byte[] body = bodies.get(turn % BODIES);
            ParsedLines lines = parser.parse(body, 0, body.length, options);
            if (lines.rows() != BODY_ROWS) {
                throw new IOException("expected %d rows, found %d".formatted(BODY_ROWS, lines.rows()));
            }
            return lines.rows();
        });
    }

    /// A plain copy of the same lines: rows a second.
    double copyOfLines() throws IOException {
        List<byte[]> bodies = bodies();
        byte[] target =
                new byte[bodies.stream().mapToInt(body -> body.length).max().orElseThrow()];
        return perSecond(turn -> {
            byte[] body = bodies.get(turn % BODIES);
            System.arraycopy(body, 0, target, 0, body.length);
            return BODY_ROWS;
        });
    }

    /// Requests of 5,000 rows decoded, checked and copied into Arrow memory: MB a second.
    double decode() throws IOException {
        List<byte[]> requests = requests(BODY_ROWS);
        try (Scratch scratch = new Scratch(directory)) {
            return perSecond(turn -> {
                        byte[] request = requests.get(turn % WRITES);
                        prepare(scratch.parts, request).close();
                        return request.length;
                    })
                    / 1e6;
        }
    }

    /// A plain copy of the same bytes into memory outside of the heap: MB a second.
    double memcpy() throws IOException {
        List<byte[]> requests = requests(BODY_ROWS);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(
                    requests.stream().mapToInt(request -> request.length).max().orElseThrow());
            return perSecond(turn -> {
                        byte[] request = requests.get(turn % WRITES);
                        MemorySegment.copy(request, 0, target, ValueLayout.JAVA_BYTE, 0, request.length);
                        return request.length;
                    })
                    / 1e6;
        }
    }

    /// What the ordered stage takes for a write of 1,000 rows: microseconds.
    double apply() throws IOException {
        return applyMicros(SMALL_ROWS);
    }

    /// The same for a write of 5,000 rows, whose memory is only linked.
    double applyLarge() throws IOException {
        return applyMicros(BODY_ROWS);
    }

    private double applyMicros(int rows) throws IOException {
        List<byte[]> requests = requests(rows);
        long rowsLeft = 40 * length.toMillis() * SMALL_ROWS / 20; // they stay in memory: 140 bytes each
        long nanos = 0;
        long sequence = 0;
        try (Scratch scratch = new Scratch(directory)) {
            for (; rowsLeft > 0; rowsLeft -= (long) GROUP * rows) {
                List<WriteOperation> group = new ArrayList<>();
                for (int i = 0; i < GROUP; i++) {
                    WriteOperation operation = prepare(scratch.parts, requests.get((int) (sequence % WRITES)));
                    operation.assign(new SequenceNumber(++sequence));
                    group.add(operation);
                }
                long start = THREADS.getCurrentThreadCpuTime();
                for (WriteOperation operation : group) {
                    scratch.parts.buffer.apply(operation);
                }
                nanos += THREADS.getCurrentThreadCpuTime() - start;
            }
        }
        return nanos / 1e3 / sequence;
    }

    private static WriteOperation prepare(Parts parts, byte[] request) throws IOException {
        try {
            return parts.preparer.prepare(request);
        } catch (IOException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("a write was refused", e);
        }
    }

    /// The parts of a service in a folder that goes with them.
    private static final class Scratch implements AutoCloseable {
        final Parts parts;
        private final Path folder;

        Scratch(Path directory) throws IOException {
            folder = Files.createTempDirectory(directory, "steps");
            parts = new Parts(folder);
        }

        @Override
        public void close() throws IOException {
            parts.close();
            Parts.delete(folder);
        }
    }
}
