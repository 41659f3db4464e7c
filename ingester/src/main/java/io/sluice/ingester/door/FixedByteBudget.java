package io.sluice.ingester.door;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/// A budget that is the same for all. Nobody waits and nobody is let in above the limit, so a limit below the largest
/// single reservation would refuse that one for ever.
public final class FixedByteBudget implements ByteBudget {
    private volatile long limitBytes;
    private final String option;
    private final AtomicLong usedBytes = new AtomicLong();

    /// @param option the setting that is the limit, for errors: `--inflight-bytes`
    /// @throws IllegalArgumentException unless the limit is positive
    public FixedByteBudget(long limitBytes, String option) {
        this.limitBytes = positive(limitBytes);
        this.option = option;
    }

    private static long positive(long limitBytes) {
        if (limitBytes < 1) {
            throw new IllegalArgumentException("limitBytes must be positive: " + limitBytes);
        }
        return limitBytes;
    }

    /// Sets another limit. What is set apart stays so.
    ///
    /// @throws IllegalArgumentException unless the limit is positive
    public void reconfigure(long newLimitBytes) {
        limitBytes = positive(newLimitBytes);
    }

    @Override
    public Optional<Reservation> tryReserve(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes must not be negative: " + bytes);
        }
        for (long used = usedBytes.get(); bytes <= limitBytes - used; used = usedBytes.get()) {
            if (usedBytes.compareAndSet(used, used + bytes)) {
                AtomicBoolean closed = new AtomicBoolean();
                return Optional.of(() -> {
                    if (closed.compareAndSet(false, true)) {
                        usedBytes.addAndGet(-bytes);
                    }
                });
            }
        }
        return Optional.empty();
    }

    /// Bytes set apart now.
    public long usedBytes() {
        return usedBytes.get();
    }

    @Override
    public String describeLimit() {
        return "%d of %d bytes of requests are held (%s)".formatted(usedBytes.get(), limitBytes, option);
    }
}
