/// HTTP/1.1 by Jetty: connections with limits in number and in patience, requests, answers. The only user of Jetty.
/// What is asked and answered is none of its business.
@NullMarked
package io.sluice.ingester.http.server;

import org.jspecify.annotations.NullMarked;
