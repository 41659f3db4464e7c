package io.sluice.ingester.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// Arrays that bodies were in, to read others into: a new array is zeroed, outgrown by its body and copied, and keeps
/// the collector busy. Any thread may call any method.
final class BodyArrays {
    /// Shorter ones are made anew.
    static final int MIN_BYTES = 64 * 1024;
    private final long maxKeptBytes;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final List<byte[]> kept = new ArrayList<>(); // the shortest first

    @GuardedBy("lock")
    private long keptBytes;

    /// @param maxKeptBytes of those that nobody uses
    BodyArrays(long maxKeptBytes) {
        this.maxKeptBytes = maxKeptBytes;
    }

    /// The shortest array of those kept that is long enough; none if a short one will do. It holds whatever was in it,
    /// and is the caller's until he gives it back.
    Optional<byte[]> find(int minBytes) {
        if (minBytes < MIN_BYTES) {
            return Optional.empty();
        }
        lock.lock();
        try {
            int at = firstOf(minBytes);
            if (at == kept.size()) {
                return Optional.empty();
            }
            byte[] found = kept.remove(at);
            keptBytes -= found.length;
            return Optional.of(found);
        } finally {
            lock.unlock();
        }
    }

    /// Takes an array that its owner uses no more. If there are too many, the shortest ones go.
    void give(byte[] array) {
        if (array.length < MIN_BYTES || array.length > maxKeptBytes) {
            return;
        }
        lock.lock();
        try {
            kept.add(firstOf(array.length), array);
            keptBytes += array.length;
            while (keptBytes > maxKeptBytes) {
                keptBytes -= kept.removeFirst().length;
            }
        } finally {
            lock.unlock();
        }
    }

    /// The place of the first array that is at least so long.
    @GuardedBy("lock")
    private int firstOf(int minBytes) {
        int at = 0;
        while (at < kept.size() && kept.get(at).length < minBytes) {
            at++;
        }
        return at;
    }
}
