package io.sluice.ingester.buffer;

import io.sluice.model.SequenceNumber;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;

/// Who needs a partition: writes that are on their way there keep it; without any, and empty, it can be let go of.
final class PartitionUse {
    private static final int RETIRED = -1;

    /// Writes on their way, or [#RETIRED]: then none will ever be.
    private final AtomicInteger pins = new AtomicInteger();

    /// The last write when the partition was first seen idle.
    private SequenceNumber idleAfter = SequenceNumber.NONE;

    private OptionalLong idleSinceNs = OptionalLong.empty();

    /// Keeps the partition for a write; false if it was let go of. Any thread may call.
    boolean tryPin() {
        return pins.getAndUpdate(count -> count == RETIRED ? RETIRED : count + 1) != RETIRED;
    }

    /// The write has come, or will not; false if there is none. Any thread may call.
    boolean unpin() {
        return pins.decrementAndGet() >= 0;
    }

    /// Lets go of it unless a write is on its way; nobody can keep it any more then. Any thread may call.
    boolean tryRetire() {
        return pins.compareAndSet(0, RETIRED);
    }

    /// Whether nothing has been there, or on its way, for so long; as far as the calls of this method can tell. Guarded
    /// by the partition's lock.
    ///
    /// @param isEmpty whether it has no row
    /// @param last the last write that it had
    boolean hasIdled(boolean isEmpty, SequenceNumber last, long idleNs, long nowNs) {
        if (!isEmpty || pins.get() > 0) {
            idleSinceNs = OptionalLong.empty();
            return false;
        }
        if (idleSinceNs.isEmpty() || !idleAfter.equals(last)) {
            idleSinceNs = OptionalLong.of(nowNs);
            idleAfter = last;
        }
        return nowNs - idleSinceNs.getAsLong() >= idleNs;
    }
}
