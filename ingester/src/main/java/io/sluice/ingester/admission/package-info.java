/// May we take one more write? The clock that numbers writes, the reasons to refuse them, and the ledger of bytes.
@NullMarked
package io.sluice.ingester.admission;

import org.jspecify.annotations.NullMarked;
