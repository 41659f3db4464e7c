/// The chain of a write: instrumented, logged, applied to the buffer. Each step is one small decorator.
@NullMarked
package io.sluice.ingester.sink;

import org.jspecify.annotations.NullMarked;
