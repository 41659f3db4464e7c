/// Line protocol to columns, in one pass over the bytes.
@NullMarked
package io.sluice.ingester.lineprotocol;

import org.jspecify.annotations.NullMarked;
