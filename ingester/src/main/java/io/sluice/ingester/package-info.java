/// The service: where everything is put together.
@NullMarked
package io.sluice.ingester;

import org.jspecify.annotations.NullMarked;
