package io.sluice.ingester.buffer;

import java.util.concurrent.atomic.AtomicLong;

/// Bytes of requests in which rows lie that are applied, of all partitions together. They are on the heap, which is
/// smaller than what rows may take in all. Any thread may call any method.
final class WaitingBytes {
    private final AtomicLong held = new AtomicLong();
    private volatile long limit = Long.MAX_VALUE;

    /// From now on no more is taken than this.
    void limit(long bytes) {
        limit = bytes;
    }

    /// Whether there is room; it is taken then.
    boolean tryTake(long bytes) {
        for (long now = held.get(); bytes <= limit - now; now = held.get()) {
            if (held.compareAndSet(now, now + bytes)) {
                return true;
            }
        }
        return false;
    }

    void giveBack(long bytes) {
        held.addAndGet(-bytes);
    }

    long held() {
        return held.get();
    }
}
