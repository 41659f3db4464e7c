package io.sluice.persist.store;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.persist.retry.Pause;
import java.time.InstantSource;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/// What a store takes from the process that it runs in.
///
/// @param clock the time of day
/// @param pause waits between attempts
/// @param random spreads those waits and names uploads; used by one thread at a time
/// @param uploads runs what uploads do beside their own thread: each task as soon as it is handed over, or
///     parts wait for one another
public record StoreContext(
        InstantSource clock, Pause pause, RandomGenerator random, Executor uploads, MeterRegistry meters) {}
