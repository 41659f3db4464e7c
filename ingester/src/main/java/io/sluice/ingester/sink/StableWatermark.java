package io.sluice.ingester.sink;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The highest number that is durable and applied, with all before it: what a query that starts now sees. One thread at
/// a time publishes, any thread reads or subscribes; whoever learns of a write through its ack reads a mark at least
/// that high.
public final class StableWatermark {
    private static final Logger LOG = LoggerFactory.getLogger(StableWatermark.class);

    private final ReentrantLock lock = new ReentrantLock();
    private volatile SequenceNumber stable = SequenceNumber.NONE;

    /// Lowest number first.
    @GuardedBy("lock")
    private final PriorityQueue<Waiter> waiters =
            new PriorityQueue<>(Comparator.comparingLong(waiter -> waiter.number.value()));

    @GuardedBy("lock")
    private Optional<IOException> failure = Optional.empty();

    /// Whether anybody waits; so that publishing costs one volatile read when nobody does.
    private volatile boolean isAwaited;

    /// Hears, once, what became of a number. Must not block.
    public interface StableListener {
        /// The number is durable and applied, with all before it.
        void stable();

        /// It never will be: the log failed.
        void failed(IOException cause);
    }

    /// A listener that waits.
    public final class Registration implements AutoCloseable {
        private final Waiter waiter;

        private Registration(Waiter waiter) {
            this.waiter = waiter;
        }

        /// The listener is not called any more, unless that has begun.
        @Override
        public void close() {
            lock.lock();
            try {
                waiters.remove(waiter);
                isAwaited = !waiters.isEmpty();
            } finally {
                lock.unlock();
            }
        }
    }

    private static final class Waiter {
        private final SequenceNumber number;
        private final StableListener listener;

        Waiter(SequenceNumber number, StableListener listener) {
            this.number = number;
            this.listener = listener;
        }
    }

    /// Moves the mark on, and calls whoever waited for it, on this thread and outside of any lock.
    ///
    /// @throws IllegalArgumentException if the mark would go back
    public void publish(SequenceNumber number) {
        if (stable.isAfter(number)) {
            throw new IllegalArgumentException("stable is %s already: found %s".formatted(stable, number));
        }
        stable = number;
        if (isAwaited) {
            take(number).forEach(waiter -> tell(waiter, Optional.empty()));
        }
    }

    private List<Waiter> take(SequenceNumber through) {
        List<Waiter> taken = new ArrayList<>();
        lock.lock();
        try {
            while (!waiters.isEmpty() && !waiters.element().number.isAfter(through)) {
                taken.add(waiters.remove());
            }
            isAwaited = !waiters.isEmpty();
        } finally {
            lock.unlock();
        }
        return taken;
    }

    /// Nothing is published any more: all who wait, and all who come for a number that is not stable, hear of it.
    public void fail(IOException cause) {
        List<Waiter> taken;
        lock.lock();
        try {
            if (failure.isPresent()) {
                return;
            }
            failure = Optional.of(cause);
            taken = new ArrayList<>(waiters);
            waiters.clear();
            isAwaited = false;
        } finally {
            lock.unlock();
        }
        taken.forEach(waiter -> tell(waiter, Optional.of(cause)));
    }

    /// Has a listener called, exactly once: as soon as a number is stable, which may be now, or when the log has
    /// failed.
    ///
    /// @return to be closed by who does not want to hear of it any more
    public Registration onStable(SequenceNumber number, StableListener listener) {
        Waiter waiter = new Waiter(number, listener);
        Optional<IOException> failed = Optional.empty();
        boolean now;
        lock.lock();
        try {
            // Up before the mark is read: who publishes behind that read sees that somebody waits.
            isAwaited = true;
            now = !number.isAfter(stable);
            if (!now) {
                failed = failure;
                if (failed.isEmpty()) {
                    waiters.add(waiter);
                }
            }
            isAwaited = !waiters.isEmpty();
        } finally {
            lock.unlock();
        }
        if (now || failed.isPresent()) {
            tell(waiter, failed);
        }
        return new Registration(waiter);
    }

    private static void tell(Waiter waiter, Optional<IOException> failed) {
        try {
            if (failed.isPresent()) {
                waiter.listener.failed(failed.get());
            } else {
                waiter.listener.stable();
            }
        } catch (RuntimeException e) {
            LOG.error("a listener for number {} threw", waiter.number, e);
        }
    }

    public SequenceNumber stable() {
        return stable;
    }
}
