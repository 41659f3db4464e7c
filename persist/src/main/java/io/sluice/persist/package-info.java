/// The way from frozen rows to a catalogued file: a queue with one lane for each worker, the gate, and the job
/// itself.
@NullMarked
package io.sluice.persist;

import org.jspecify.annotations.NullMarked;
