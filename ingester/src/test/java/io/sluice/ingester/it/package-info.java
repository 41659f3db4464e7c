/// The real process, started through `./sluice serve`, with real clients.
@NullMarked
package io.sluice.ingester.it;

import org.jspecify.annotations.NullMarked;
