package io.sluice.ingester.status;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/// The last errors of the process, oldest first. Any thread may call any method.
public final class RecentErrors {
    private static final int MAX_ERRORS = 20;

    private final InstantSource clock;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Deque<Entry> entries = new ArrayDeque<>();

    public RecentErrors(InstantSource clock) {
        this.clock = clock;
    }

    /// One error.
    ///
    /// @param where which part of the server
    public record Entry(Instant at, String where, String message) {}

    /// Remembers an error, and forgets the oldest if there are too many.
    public void add(String where, String message) {
        lock.lock();
        try {
            if (entries.size() == MAX_ERRORS) {
                entries.removeFirst();
            }
            entries.addLast(new Entry(clock.instant(), where, message));
        } finally {
            lock.unlock();
        }
    }

    public List<Entry> entries() {
        lock.lock();
        try {
            return List.copyOf(entries);
        } finally {
            lock.unlock();
        }
    }
}
