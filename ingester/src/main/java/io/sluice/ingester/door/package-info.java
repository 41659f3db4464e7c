/// Between the wire and the write path: one columnar form for every write, validated in full, and one outcome for every
/// answer. Knows neither gRPC nor HTTP.
@NullMarked
package io.sluice.ingester.door;

import org.jspecify.annotations.NullMarked;
