/// Line protocol: one pass over the bytes of a body into columns, and from there into the `WriteRequest` that a gRPC
/// client would have sent, so that one kind of write goes through the rest of the system.
@NullMarked
package io.sluice.ingester.lineprotocol;

import org.jspecify.annotations.NullMarked;
