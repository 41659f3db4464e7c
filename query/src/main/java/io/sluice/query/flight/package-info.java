/// Arrow Flight, server and client. The only package that knows it.
@NullMarked
package io.sluice.query.flight;

import org.jspecify.annotations.NullMarked;
