package io.sluice.ingester.replay;

import io.sluice.wal.ReplayProgress;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// Tells how far the replay is, and how long it will take. Any thread may ask; [#begin] and [#end] are called once.
public final class ReplayWatch {
    /// Sooner than that, the rate so far says nothing.
    private static final Duration MIN_ELAPSED = Duration.ofMillis(200);

    private final Supplier<ReplayProgress> progress;
    private final LongSupplier rows;
    private final LongSupplier nanoTime;
    private volatile OptionalLong beganNs = OptionalLong.empty();
    private volatile Optional<ReplayStatus> ended = Optional.empty();

    /// @param progress how much of the log was read
    /// @param rows how many rows were applied
    public ReplayWatch(Supplier<ReplayProgress> progress, LongSupplier rows, LongSupplier nanoTime) {
        this.progress = progress;
        this.rows = rows;
        this.nanoTime = nanoTime;
    }

    /// The replay begins.
    public void begin() {
        beganNs = OptionalLong.of(nanoTime.getAsLong());
    }

    /// The replay is over: from now on its last status is told.
    public void end() {
        ReplayProgress last = progress.get();
        ended = Optional.of(new ReplayStatus(
                last.totalBytes(), last.totalBytes(), rows.getAsLong(), elapsed(), Optional.of(Duration.ZERO)));
    }

    public ReplayStatus status() {
        return ended.orElseGet(this::running);
    }

    private ReplayStatus running() {
        ReplayProgress now = progress.get();
        Duration elapsed = elapsed();
        return new ReplayStatus(now.doneBytes(), now.totalBytes(), rows.getAsLong(), elapsed, left(now, elapsed));
    }

    private Duration elapsed() {
        OptionalLong began = beganNs;
        return began.isEmpty() ? Duration.ZERO : Duration.ofNanos(nanoTime.getAsLong() - began.getAsLong());
    }

    private static Optional<Duration> left(ReplayProgress now, Duration elapsed) {
        if (now.doneBytes() <= 0 || now.totalBytes() <= 0 || elapsed.compareTo(MIN_ELAPSED) < 0) {
            return Optional.empty();
        }
        long leftBytes = Math.max(0, now.totalBytes() - now.doneBytes());
        double leftNs = (double) elapsed.toNanos() / now.doneBytes() * leftBytes;
        // At the log's end its last writes are still to be applied: it is over when it says so.
        return Optional.of(Duration.ofNanos(Math.max(1, (long) leftNs)));
    }
}
