package io.sluice.query;

/// Where queries wait until what they may see is complete. Any thread may call.
@FunctionalInterface
public interface QueryGate {
    /// Returns as soon as a query may begin.
    ///
    /// @throws QueryRefusedException if it may not, and should not wait any longer
    /// @throws InterruptedException if who asks has gone
    void await() throws QueryRefusedException, InterruptedException;
}
