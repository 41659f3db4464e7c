/// What moves rows on: when partitions are frozen, and when the log may drop a segment.
@NullMarked
package io.sluice.ingester.rotation;

import org.jspecify.annotations.NullMarked;
