package io.sluice.ingester.admission;

import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;

/// Whatever threads do to the packed counters at the same time, what they hear could have been heard from two plain
/// numbers, one call after the other.
public class BucketPairLincheck {
    private static final int FIRST_LIMIT = 2;
    private static final int SECOND_LIMIT = 1;

    private final BucketPair pair = new BucketPair(FIRST_LIMIT, SECOND_LIMIT);

    @Operation
    public boolean acquireFirst() {
        return pair.tryAcquire(BucketPair.FIRST);
    }

    @Operation
    public boolean acquireSecond() {
        return pair.tryAcquire(BucketPair.SECOND);
    }

    /// False if there was none.
    @Operation
    public boolean releaseFirst() {
        return releases(BucketPair.FIRST);
    }

    @Operation
    public boolean releaseSecond() {
        return releases(BucketPair.SECOND);
    }

    private boolean releases(int side) {
        try {
            pair.release(side);
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }

    /// 1 if it moved, 0 if there was no room, -1 if there was none to move.
    @Operation
    public int swapForward() {
        return swaps(BucketPair.FIRST, BucketPair.SECOND);
    }

    @Operation
    public int swapBack() {
        return swaps(BucketPair.SECOND, BucketPair.FIRST);
    }

    private int swaps(int from, int to) {
        try {
            return pair.trySwap(from, to) ? 1 : 0;
        } catch (IllegalStateException e) {
            return -1;
        }
    }

    /// Both counters at one moment.
    @Operation
    public long both() {
        return pair.packed();
    }

    /// Two plain numbers.
    public static class TwoNumbers {
        private int first;
        private int second;

        public boolean acquireFirst() {
            if (first == FIRST_LIMIT) {
                return false;
            }
            first++;
            return true;
        }

        public boolean acquireSecond() {
            if (second == SECOND_LIMIT) {
                return false;
            }
            second++;
            return true;
        }

        public boolean releaseFirst() {
            if (first == 0) {
                return false;
            }
            first--;
            return true;
        }

        public boolean releaseSecond() {
            if (second == 0) {
                return false;
            }
            second--;
            return true;
        }

        public int swapForward() {
            if (second == SECOND_LIMIT) {
                return 0;
            }
            if (first == 0) {
                return -1;
            }
            first--;
            second++;
            return 1;
        }

        public int swapBack() {
            if (first == FIRST_LIMIT) {
                return 0;
            }
            if (second == 0) {
                return -1;
            }
            second--;
            first++;
            return 1;
        }

        public long both() {
            return (long) first << Integer.SIZE | second;
        }
    }

    /// Ends with an exception, and so another exit code than 0, if there is an interleaving that two numbers do not
    /// explain.
    public static void main(String[] arguments) {
        new ModelCheckingOptions()
                .iterations(5)
                .invocationsPerIteration(300)
                .threads(2)
                .actorsPerThread(3)
                .loopIterationsBeforeThreadSwitch(BucketPair.PAUSES + 1) // to pause is not to wait for somebody
                .loopBound(2 * BucketPair.PAUSES)
                .sequentialSpecification(TwoNumbers.class)
                .check(BucketPairLincheck.class);
        new StressOptions()
                .iterations(4)
                .invocationsPerIteration(1_000)
                .threads(2)
                .actorsPerThread(3)
                .sequentialSpecification(TwoNumbers.class)
                .check(BucketPairLincheck.class);
    }
}
