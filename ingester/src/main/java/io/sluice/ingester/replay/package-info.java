/// From the log back into the buffer, before the first write is taken.
@NullMarked
package io.sluice.ingester.replay;

import org.jspecify.annotations.NullMarked;
