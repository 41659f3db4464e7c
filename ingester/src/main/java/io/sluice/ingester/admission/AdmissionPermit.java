package io.sluice.ingester.admission;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// One request's place in its pool. Any thread may close it, at any moment; one thread at a time moves it.
///
/// Where it is counted and whether it is moved or closed is one number, so that to move and to close cost as little as
/// the counters behind them.
public final class AdmissionPermit implements AutoCloseable {
    private static final Bucket[] BUCKETS = Bucket.values();
    /// Above the bucket's ordinal: a thread is in [#trySwap].
    private static final int SWAPPING = 1 << 8;
    /// Closed. With [#SWAPPING] that thread gives the place back, as only it knows which.
    private static final int CLOSED = 1 << 9;

    private final BucketState[] buckets;
    private final Optional<Runnable> onClose;
    /// A bucket's ordinal and those marks.
    private final AtomicInteger state;
    /// Whether its last move to the later bucket was declined. Written in the state SWAPPING alone.
    private boolean isStuck;

    /// @param buckets by their ordinals; not changed
    /// @param bucket where the place is counted already
    /// @param onClose called once, when the place was given back
    @SuppressWarnings("EnumOrdinal") // an index in memory
    AdmissionPermit(BucketState[] buckets, Bucket bucket, Optional<Runnable> onClose) {
        this.buckets = buckets;
        this.onClose = onClose;
        this.state = new AtomicInteger();
        // Who sees this permit sees what its constructor wrote, so that no fence is needed here.
        state.setPlain(bucket.ordinal());
    }

    /// Where it is counted.
    public Bucket bucket() {
        return BUCKETS[ordinal(state.get())];
    }

    private static int ordinal(int state) {
        return state & ~(SWAPPING | CLOSED);
    }

    /// Moves to a bucket of the same pool. If that is full, or the permit is closed, nothing changes.
    @SuppressWarnings("EnumOrdinal") // an index in memory
    public boolean trySwap(Bucket to) {
        int from = state.get();
        if (to.pool() != BUCKETS[ordinal(from)].pool()) {
            throw new IllegalArgumentException("%s is in another pool than %s".formatted(to, bucket()));
        }
        if (from != ordinal(from) || !state.compareAndSet(from, from | SWAPPING)) {
            return false;
        }
        boolean swapped = from == to.ordinal() || move(buckets[from], buckets[to.ordinal()]);
        int now = swapped ? to.ordinal() : from;
        if (state.compareAndSet(from | SWAPPING, now)) {
            return swapped;
        }
        state.set(now | CLOSED);
        giveBack(now);
        return false;
    }

    private boolean move(BucketState from, BucketState to) {
        boolean swapped = from.trySwapTo(to);
        boolean stuckNow = !swapped && to.bucket().isLater();
        if (stuckNow != isStuck) {
            isStuck = stuckNow;
            from.countStuck(stuckNow ? 1 : -1);
        }
        return swapped;
    }

    /// Gives the place back, wherever it is counted now. Idempotent.
    @Override
    public void close() {
        int now = state.get();
        while ((now & CLOSED) == 0) {
            int seen = state.compareAndExchange(now, now | CLOSED);
            if (seen == now) {
                if ((now & SWAPPING) == 0) {
                    giveBack(now);
                }
                return;
            }
            now = seen;
        }
    }

    private void giveBack(int ordinal) {
        BucketState last = buckets[ordinal];
        if (isStuck) {
            last.countStuck(-1);
        }
        last.release();
        onClose.ifPresent(Runnable::run);
    }
}
