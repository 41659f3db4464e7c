package io.sluice.persist.retry;

import java.time.Instant;

/// How something that the service needs has failed, and has not succeeded since.
///
/// @param since when it failed first
/// @param attempts calls that failed since then
/// @param lastAt when it failed last
/// @param lastError why, in words
public record Outage(Instant since, long attempts, Instant lastAt, String lastError) {}
