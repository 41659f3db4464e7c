package io.sluice.ingester.cli;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.ingester.replay.ReplayListener;
import io.sluice.ingester.replay.ReplayStatus;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;

/// How far `sluice serve` is with the log, on a terminal: a bar in the last line, which makes way for what others
/// print. Any thread may call any method. The lock is held while printing: whoever prints must wait for the line to
/// be free.
final class ReplayBar implements ReplayListener, AutoCloseable {
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final PrintStream terminal;

    @GuardedBy("lock")
    private boolean isDrawn;

    @GuardedBy("lock")
    private boolean isClosed;

    ReplayBar(PrintStream terminal) {
        this.terminal = terminal;
    }

    /// To the terminal, for all who print lines while there is a bar.
    PrintStream lines() {
        return new PrintStream(new LinesAbove(), true, StandardCharsets.UTF_8);
    }

    private final class LinesAbove extends OutputStream {
        @Override
        public void write(int octet) {
            write(new byte[] {(byte) octet}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
            lock.lock();
            try {
                clear();
                terminal.write(bytes, from, length);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void flush() {
            lock.lock();
            try {
                terminal.flush();
            } finally {
                lock.unlock();
            }
        }
    }

    @GuardedBy("lock")
    private void clear() {
        if (isDrawn) {
            terminal.print(Progress.CLEAR_LINE);
            isDrawn = false;
        }
    }

    @Override
    public void progress(ReplayStatus status) {
        lock.lock();
        try {
            clear();
            // A log without segments is replayed before anybody could see it.
            if (!isClosed && !status.isEnded() && status.totalBytes() > 0) {
                terminal.print(text(status));
                isDrawn = true;
            }
            terminal.flush();
        } finally {
            lock.unlock();
        }
    }

    private static String text(ReplayStatus status) {
        return String.format(
                Locale.ROOT,
                "%s %d %% of the log, %s of %s, %,d rows%s",
                Progress.bar(status.doneBytes(), status.totalBytes()),
                status.percent(),
                Units.bytes(status.doneBytes()),
                Units.bytes(status.totalBytes()),
                status.rows(),
                status.left()
                        .map(left -> ", %s left".formatted(Units.age(left.plus(Duration.ofMillis(999)))))
                        .orElse(""));
    }

    /// Takes the bar away for good.
    @Override
    public void close() {
        lock.lock();
        try {
            clear();
            isClosed = true;
            terminal.flush();
        } finally {
            lock.unlock();
        }
    }
}
