package io.sluice.persist.catalog;

import io.sluice.persist.retry.Pause;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// What a catalog takes from the process that it runs in.
///
/// @param clock says when something was created
/// @param limits asked whenever something is created
/// @param pause waits between attempts
/// @param random spreads those waits; used by one thread at a time
/// @param environment the variables of the process: `PGUSER`, `PGPASSWORD`
public record CatalogContext(
        InstantSource clock,
        Supplier<CatalogLimits> limits,
        Pause pause,
        RandomGenerator random,
        Function<String, Optional<String>> environment) {}
