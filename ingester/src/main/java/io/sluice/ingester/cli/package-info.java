/// The command line: `serve`, clients over gRPC, and tools that work on the files of a stopped server.
@NullMarked
package io.sluice.ingester.cli;

import org.jspecify.annotations.NullMarked;
