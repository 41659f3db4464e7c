/// The gRPC door: services, and outcomes as statuses. The only package that knows `io.grpc`.
@NullMarked
package io.sluice.ingester.grpc;

import org.jspecify.annotations.NullMarked;
