/// May we take one more request? Its place in a pool; the clock that numbers writes, the reasons to refuse them, and
/// the ledger of bytes.
@NullMarked
package io.sluice.ingester.admission;

import org.jspecify.annotations.NullMarked;
