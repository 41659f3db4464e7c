/// What share of the processors the process's threads get, beside one another.
@NullMarked
package io.sluice.ingester.threads;

import org.jspecify.annotations.NullMarked;
