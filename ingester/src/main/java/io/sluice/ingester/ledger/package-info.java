/// One account of the bytes that the server holds, from a request's first byte until its file is in the catalog,
/// and the marks at which that is too much.
@NullMarked
package io.sluice.ingester.ledger;

import org.jspecify.annotations.NullMarked;
