/// Benchmarks: each prints a table for people and a line of JSON for each case.
@NullMarked
package io.sluice.benches;

import org.jspecify.annotations.NullMarked;
