package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.SequenceSource;
import io.sluice.wal.Wal;
import io.sluice.wal.WalRefusedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/// A log of many segments into the real buffer tree, as a start does it: read, check, decode, split, apply.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
public class WalReplayBenchmark {
    private static final long SEED = 1;

    /// Rows of each write in the log.
    @Param({"1000", "5000"})
    public int rowsPerWrite;

    /// Bytes of the log.
    @Param("268435456")
    public long logBytes;

    private Path directory = Path.of("");
    private long bytes;
    private long rows;

    /// Writes the log.
    @Setup(Level.Trial)
    public void writeLog() throws IOException, WalRefusedException, InterruptedException {
        directory = Files.createTempDirectory("sluice-replay");
        CpuWrites writes = new CpuWrites(SEED);
        try (Wal wal = Wal.open(
                Parts.walSettings(directory), Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry())) {
            long[] last = {0};
            SequenceSource numbers = () -> new SequenceNumber(++last[0]);
            wal.start(numbers, new UUID(1, 1), Thread.ofPlatform().factory(), _ -> {});
            while (bytes < logBytes) {
                byte[] payload = writes.next(rowsPerWrite);
                CountDownLatch durable = new CountDownLatch(1);
                wal.append(payload, new Latched(durable));
                durable.await();
                bytes += payload.length;
                rows += rowsPerWrite;
            }
        }
    }

    private record Latched(CountDownLatch latch) implements AppendListener {
        @Override
        public void durable(SequenceNumber sequence) {
            latch.countDown();
        }

        @Override
        public void refused(WalRefusedException refusal) {
            throw new IllegalStateException(refusal);
        }

        @Override
        public void failed(IOException cause) {
            throw new IllegalStateException(cause);
        }
    }

    /// Removes the log.
    @TearDown(Level.Trial)
    public void deleteLog() throws IOException {
        Parts.delete(directory);
    }

    /// One replay of the whole log.
    @Benchmark
    public ReplayReport replay() throws IOException, InterruptedException {
        try (Parts parts = new Parts(directory)) {
            ReplayReport report = parts.replayer(directory).replay(parts.wal);
            if (report.payloadBytes() != bytes || report.entries() * rowsPerWrite != rows) {
                throw new IllegalStateException("replayed " + report);
            }
            return report;
        }
    }
}
