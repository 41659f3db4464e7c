/// What the server is doing, as one JSON document.
@NullMarked
package io.sluice.ingester.status;

import org.jspecify.annotations.NullMarked;
