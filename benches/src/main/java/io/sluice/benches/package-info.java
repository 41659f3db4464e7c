/// Benchmarks: each prints a table for people and a line of JSON for each case. Small ones are JMH, whole ones are a
/// [io.sluice.benches.Program] that runs ours and its peers in turn.
@NullMarked
package io.sluice.benches;

import org.jspecify.annotations.NullMarked;
