package io.sluice.ingester.admission;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/// One request's place in its pool. Any thread may close it, at any moment; one thread at a time moves it.
public final class AdmissionPermit implements AutoCloseable {
    private enum State {
        OPEN,
        /// A thread is in [#trySwap].
        SWAPPING,
        /// Closed while a thread was in there: that thread gives the place back, as only it knows which.
        CLOSING,
        CLOSED
    }

    private final List<BucketState> buckets;
    private final Optional<Runnable> onClose;
    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);
    /// Written in the state SWAPPING alone.
    private volatile Bucket bucket;
    /// Whether its last move to the later bucket was declined. As above.
    private boolean isStuck;

    /// @param buckets by their ordinals
    /// @param bucket where the place is counted already
    /// @param onClose called once, when the place was given back
    AdmissionPermit(List<BucketState> buckets, Bucket bucket, Optional<Runnable> onClose) {
        this.buckets = buckets;
        this.bucket = bucket;
        this.onClose = onClose;
    }

    /// Where it is counted.
    public Bucket bucket() {
        return bucket;
    }

    /// Moves to a bucket of the same pool. If that is full, or the permit is closed, nothing changes.
    public boolean trySwap(Bucket to) {
        if (to.pool() != bucket.pool()) {
            throw new IllegalArgumentException("%s is in another pool than %s".formatted(to, bucket));
        }
        if (!state.compareAndSet(State.OPEN, State.SWAPPING)) {
            return false;
        }
        boolean swapped = move(to);
        if (state.compareAndSet(State.SWAPPING, State.OPEN)) {
            return swapped;
        }
        giveBack();
        return false;
    }

    private boolean move(Bucket to) {
        Bucket from = bucket;
        if (from == to) {
            return true;
        }
        boolean swapped = of(from).trySwapTo(of(to));
        if (swapped) {
            bucket = to;
        }
        boolean stuckNow = !swapped && to.isLater();
        if (stuckNow != isStuck) {
            isStuck = stuckNow;
            of(from).countStuck(stuckNow ? 1 : -1);
        }
        return swapped;
    }

    @SuppressWarnings("EnumOrdinal") // an index in memory
    private BucketState of(Bucket which) {
        return buckets.get(which.ordinal());
    }

    /// Gives the place back, wherever it is counted now. Idempotent.
    @Override
    public void close() {
        while (true) {
            switch (state.get()) {
                case OPEN -> {
                    if (state.compareAndSet(State.OPEN, State.CLOSED)) {
                        giveBack();
                        return;
                    }
                }
                case SWAPPING -> {
                    if (state.compareAndSet(State.SWAPPING, State.CLOSING)) {
                        return;
                    }
                }
                case CLOSING, CLOSED -> {
                    return;
                }
            }
        }
    }

    private void giveBack() {
        state.set(State.CLOSED);
        BucketState last = of(bucket);
        if (isStuck) {
            last.countStuck(-1);
        }
        last.release();
        onClose.ifPresent(Runnable::run);
    }
}
