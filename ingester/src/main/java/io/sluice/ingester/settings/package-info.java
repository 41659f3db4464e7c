/// The server's settings: one table of what there is, and where each value comes from.
@NullMarked
package io.sluice.ingester.settings;

import org.jspecify.annotations.NullMarked;
