package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import io.sluice.wal.SequenceSource;
import io.sluice.wal.Wal;
import io.sluice.wal.WalInspector;
import io.sluice.wal.WalInspector.SegmentInfo;
import io.sluice.wal.WalProblem;
import io.sluice.wal.WalRefusedException;
import io.sluice.wal.WalSettings;
import io.sluice.wal.WalSettings.Compression;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Ours: the log as it is by default.
final class SluiceLog implements Contestant {
    /// How often segments are let go of: often enough that a fast disk fills only a few in between.
    private static final long LET_GO_MILLIS = 20;

    /// What becomes of closed segments.
    enum Segments {
        /// They stay.
        KEPT,
        /// They are let go of at once, as those of a server are whose rows are in files.
        LET_GO
    }

    private final Wal wal;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread janitor;

    private SluiceLog(Wal wal, Segments segments) {
        this.wal = wal;
        Runnable work = segments == Segments.LET_GO ? this::letGo : () -> {};
        this.janitor = Thread.ofPlatform().name("janitor").unstarted(work);
    }

    /// Opens a log in an empty folder and starts it.
    static SluiceLog start(Path directory, Segments segments) throws IOException {
        return start(directory, segments, Compression.NONE);
    }

    /// As [#start(Path, Segments)], with entries compressed or not.
    static SluiceLog start(Path directory, Segments segments, Compression compression) throws IOException {
        Wal wal = open(directory, compression);
        long[] last = {0};
        SequenceSource numbers = () -> new SequenceNumber(++last[0]);
        // What waits and what comes hears of a failure by itself.
        wal.start(numbers, new UUID(1, 1), Thread.ofPlatform().name("wal-", 0).factory(), _ -> {});
        SluiceLog log = new SluiceLog(wal, segments);
        log.janitor.start();
        return log;
    }

    /// Checks a log as `sluice wal verify` does: every entry, from end to end.
    ///
    /// @throws IOException also if the log is not sound
    static void verify(Path directory) throws IOException {
        List<WalProblem> problems = inspector(directory).verify();
        if (!problems.isEmpty()) {
            throw new IOException("%s: expected a sound log, found %s".formatted(directory, problems));
        }
    }

    /// The segments that hold entries.
    static List<SegmentInfo> segments(Path directory) throws IOException {
        return inspector(directory).segments();
    }

    private static WalInspector inspector(Path directory) {
        return new WalInspector(
                directory, Thread.ofPlatform().daemon().name("read-ahead").factory());
    }

    private static Wal open(Path directory, Compression compression) throws IOException {
        WalSettings settings = WalSettings.defaults(directory).withCompression(compression);
        return Wal.open(settings, Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry());
    }

    private void letGo() {
        try {
            while (!closing.await(LET_GO_MILLIS, TimeUnit.MILLISECONDS)) {
                wal.deleteBelow(wal.lastSequence());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void append(byte[] payload, AppendListener listener) throws IOException {
        try {
            wal.append(payload, listener);
        } catch (WalRefusedException e) {
            throw new IOException("the log refused an entry: " + e.reason(), e);
        }
    }

    @Override
    public boolean isBlocking() {
        return false;
    }

    @Override
    public void close() throws IOException {
        closing.countDown();
        wal.close();
    }
}
