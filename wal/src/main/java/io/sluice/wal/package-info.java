/// The write-ahead log: payloads in, numbered and durable; the same payloads out after a crash. It knows nothing of
/// tables.
@NullMarked
package io.sluice.wal;

import org.jspecify.annotations.NullMarked;
