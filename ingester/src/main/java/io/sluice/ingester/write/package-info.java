/// The way of a write from the doors to the sinks: the same code for a live write and a replayed one.
@NullMarked
package io.sluice.ingester.write;

import org.jspecify.annotations.NullMarked;
