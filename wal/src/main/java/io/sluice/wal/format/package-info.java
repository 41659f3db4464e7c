/// Layout of segments and entries: pure functions on bytes.
@NullMarked
package io.sluice.wal.format;

import org.jspecify.annotations.NullMarked;
