package io.sluice.ingester.admission;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/// One bucket: its half of the pool's counters, what happened there, and how fast requests leave it. Any thread may
/// call any method.
final class BucketState {
    private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);
    /// After so long, an earlier rate counts for a third.
    private static final double SMOOTHING_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Bucket bucket;
    private final BucketPair pair;
    /// The pool's other bucket, from which requests move on to this one.
    private final Optional<BucketState> earlier;

    private final LongAdder admitted = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder swapsDeclined = new LongAdder();
    /// Moves back to this bucket; none to a later one, see [#swappedIn].
    private final LongAdder swappedBack = new LongAdder();
    /// Requests that ended in this bucket; not counted in a later one.
    private final LongAdder ended = new LongAdder();

    private final AtomicInteger stuck = new AtomicInteger();
    private volatile double leavingPerSecond;

    @GuardedBy("this")
    private long seenMovedOn;

    @GuardedBy("this")
    private long observedLeft;

    @GuardedBy("this")
    private long observedAtNanos;

    @GuardedBy("this")
    private boolean isObserved;

    /// @param earlier the pool's other bucket, if this is the later one
    BucketState(Bucket bucket, BucketPair pair, Optional<BucketState> earlier, MeterRegistry metrics) {
        this.bucket = bucket;
        this.pair = pair;
        this.earlier = earlier;
        Tags tags = Tags.of("pool", bucket.pool().name(), "bucket", bucket.name());
        Gauge.builder("sluice.admission.current", this::count)
                .description("Requests that are let in")
                .tags(tags)
                .register(metrics);
        Gauge.builder("sluice.admission.limit", this::limit)
                .description("Requests that are let in at once")
                .tags(tags)
                .register(metrics);
        Gauge.builder("sluice.admission.stuck", stuck::get)
                .description("Requests that hold a place which they need no more, as the next bucket was full")
                .tags(tags)
                .register(metrics);
        counter("sluice.admission", "Requests that asked to be let in", tags.and("result", "admitted"), admitted)
                .register(metrics);
        counter("sluice.admission", "Requests that asked to be let in", tags.and("result", "refused"), refused)
                .register(metrics);
        FunctionCounter.builder("sluice.admission.swap", this, BucketState::swappedIn)
                .description("Moves to this bucket")
                .tags(tags.and("result", "moved"))
                .register(metrics);
        counter("sluice.admission.swap", "Moves to this bucket", tags.and("result", "declined"), swapsDeclined)
                .register(metrics);
    }

    private static FunctionCounter.Builder<LongAdder> counter(
            String name, String description, Tags tags, LongAdder count) {
        return FunctionCounter.builder(name, count, LongAdder::sum)
                .description(description)
                .tags(tags);
    }

    Bucket bucket() {
        return bucket;
    }

    boolean tryAcquire() {
        boolean acquired = pair.tryAcquire(bucket.side());
        if (acquired) {
            admitted.increment();
        }
        return acquired;
    }

    boolean awaitAcquire(long timeoutNanos) throws InterruptedException {
        boolean acquired = pair.awaitAcquire(bucket.side(), timeoutNanos);
        if (acquired) {
            admitted.increment();
        }
        return acquired;
    }

    /// A request that is told to come back.
    void countRefused() {
        refused.increment();
    }

    boolean trySwapTo(BucketState to) {
        boolean swapped = pair.trySwap(bucket.side(), to.bucket.side());
        if (!swapped) {
            to.swapsDeclined.increment();
        } else if (to.earlier.isEmpty()) {
            to.swappedBack.increment();
        }
        return swapped;
    }

    void release() {
        if (earlier.isEmpty()) {
            // Before it is given back, see movedOn.
            ended.increment();
        }
        pair.release(bucket.side());
    }

    /// Moves to this bucket. Those that go on follow from what else is counted: to count them, too, took a request a
    /// tenth of the time that admission takes it.
    private long swappedIn() {
        return earlier.map(BucketState::movedOn).orElseGet(swappedBack::sum);
    }

    /// Whoever came in, has not ended here and is not here.
    private synchronized long movedOn() {
        // In this order what happens meanwhile makes the difference too low, never too high, and the next look finds
        // it.
        seenMovedOn = Math.max(seenMovedOn, admitted.sum() + swappedBack.sum() - count() - ended.sum());
        return seenMovedOn;
    }

    void countStuck(int change) {
        stuck.addAndGet(change);
    }

    int count() {
        return pair.count(bucket.side());
    }

    int limit() {
        return pair.limit(bucket.side());
    }

    boolean isFull() {
        return count() >= limit();
    }

    /// Looks how many have left since it last looked. What it learns is how fast requests can leave: a higher rate is
    /// believed at once, a lower one slowly, and only while there is somebody who could leave.
    synchronized void observe(long nowNanos) {
        // Whoever came in and is not in; requests that come or go meanwhile are seen half, and whole the next time.
        long leftNow = Math.max(observedLeft, admitted.sum() + swappedIn() - count());
        long leaving = leftNow - observedLeft;
        double elapsed = nowNanos - observedAtNanos;
        if (isObserved && elapsed > 0 && (leaving > 0 || count() > 0)) {
            double perSecond = leaving * NANOS_PER_SECOND / elapsed;
            double weight = perSecond > leavingPerSecond ? 1 : 1 - Math.exp(-elapsed / SMOOTHING_NANOS);
            leavingPerSecond += weight * (perSecond - leavingPerSecond);
        }
        isObserved = true;
        observedLeft = leftNow;
        observedAtNanos = nowNanos;
    }

    /// How long it takes at that rate until as many have left as are in; 0 if that is not known.
    double secondsToEmpty() {
        double perSecond = leavingPerSecond;
        return perSecond == 0 ? 0 : count() / perSecond;
    }

    AdmissionStatistics.BucketStatistics statistics() {
        return new AdmissionStatistics.BucketStatistics(
                bucket,
                count(),
                limit(),
                admitted.sum(),
                refused.sum(),
                swappedIn(),
                swapsDeclined.sum(),
                stuck.get(),
                leavingPerSecond);
    }
}
