/// The rows that are not in files yet: namespace → table → partition, each partition with the rows being filled and the
/// frozen ones on their way to a file.
@NullMarked
package io.sluice.ingester.buffer;

import org.jspecify.annotations.NullMarked;
