/// The HTTP door: line protocol in, health, metrics and status out, on the JDK's server.
@NullMarked
package io.sluice.ingester.http;

import org.jspecify.annotations.NullMarked;
