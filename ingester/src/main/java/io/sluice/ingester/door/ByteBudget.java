package io.sluice.ingester.door;

import java.util.Optional;

/// Room for the bytes that a door holds of a request, from its first byte until its outcome is known. Asked before the
/// memory is taken. Any thread may call any method.
public interface ByteBudget {
    /// Sets bytes apart, or declines; never waits.
    ///
    /// @param bytes at least 0
    Optional<Reservation> tryReserve(long bytes);

    /// The limit, its option, and how much of it is used, in words, for the error of a refusal.
    String describeLimit();

    /// Bytes set apart; idempotent.
    interface Reservation extends AutoCloseable {
        /// Gives the bytes back.
        @Override
        void close();
    }
}
