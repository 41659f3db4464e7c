package io.sluice.ingester.admission;

import io.sluice.persist.PersistBacklog;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/// When the persist queue, if it was full, will take again, by how fast its jobs have ended of late. One thread
/// looks, several times a second; any may ask.
public final class RoomEstimate {
    /// After so long, what ended counts for a third: persist jobs take seconds, and come in bursts.
    private static final double MEMORY_NANOS = TimeUnit.SECONDS.toNanos(30);

    private boolean isObserved;
    private long lastNanos;
    private long lastEnded;
    /// Jobs that ended, and the time in which they did, each the less the longer ago.
    private double ended;

    private double nanos;
    private boolean hasAnyEnded;
    private volatile OptionalDouble seconds = OptionalDouble.empty();

    /// Looks at the queue.
    ///
    /// @param nowNanos nanoseconds from any beginning
    public void observe(long nowNanos, PersistBacklog queue) {
        long ending = queue.ended() - lastEnded;
        double elapsed = nowNanos - lastNanos;
        // While nothing is to be done it says nothing that nothing ends.
        if (isObserved && elapsed > 0 && (ending > 0 || queue.unfinished() > 0)) {
            double left = Math.exp(-elapsed / MEMORY_NANOS);
            ended = ended * left + ending;
            nanos = nanos * left + elapsed;
            hasAnyEnded |= ending > 0;
        }
        isObserved = true;
        lastNanos = nowNanos;
        lastEnded = queue.ended();
        seconds = hasAnyEnded ? OptionalDouble.of(seconds(queue.untilHalfFree())) : OptionalDouble.empty();
    }

    private double seconds(int jobs) {
        return jobs <= 0 ? 0 : jobs * (nanos / TimeUnit.SECONDS.toNanos(1)) / ended;
    }

    /// How long it takes at that rate until the queue takes again; infinite if nothing ends any more, empty if nothing
    /// ever has.
    public OptionalDouble seconds() {
        return seconds;
    }
}
