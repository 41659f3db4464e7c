package io.sluice.benches;

import java.util.List;
import java.util.Random;

/// Who writes what to a log.
///
/// @param producers how many
/// @param threads what a producer is
/// @param inFlight how many writes each has in flight: 1 is to wait for each ack
/// @param payloads written again and again, each producer beginning with another; of one length if
///     `inFlight` is above 1
record Load(int producers, Threads threads, int inFlight, List<byte[]> payloads) {
    private static final long SEED = 1;
    private static final int PAYLOADS = 64;
    private static final int ROWS = 1_000;

    enum Threads {
        /// Threads of the operating system.
        PLATFORM,
        /// Virtual ones, as those on which a server's calls run. Not for a log that blocks in native code.
        VIRTUAL
    }

    Load {
        payloads = List.copyOf(payloads);
    }

    /// Entries of random bytes.
    static Load random(int producers, int inFlight, int lengthBytes) {
        Random random = new Random(SEED);
        byte[][] payloads = new byte[PAYLOADS][lengthBytes];
        for (byte[] payload : payloads) {
            random.nextBytes(payload);
        }
        return new Load(producers, Threads.PLATFORM, inFlight, List.of(payloads));
    }

    /// TSBS writes of 1,000 rows, as the doors hand them to the log.
    static Load tsbs(int producers) {
        return tsbs(producers, 1, ROWS, PAYLOADS);
    }

    /// TSBS writes.
    ///
    /// @param rows of each
    /// @param different how many of them there are
    static Load tsbs(int producers, int inFlight, int rows, int different) {
        CpuWrites writes = new CpuWrites(SEED);
        byte[][] payloads = new byte[different][];
        for (int i = 0; i < different; i++) {
            payloads[i] = writes.next(rows);
        }
        return new Load(producers, Threads.PLATFORM, inFlight, List.of(payloads));
    }

    /// The same with virtual threads.
    Load virtual() {
        return new Load(producers, Threads.VIRTUAL, inFlight, payloads);
    }

    /// The same number of writes in flight, each with a platform thread that waits for it.
    Load oneInFlightEach() {
        return new Load(producers * inFlight, Threads.PLATFORM, 1, payloads);
    }

    /// The payload of a producer's nth write.
    byte[] payload(int producer, long n) {
        return payloads.get((int) ((producer + n) % payloads.size()));
    }
}
