/// HTTP/1.1 over sockets: connections with limits in number and in patience, requests, answers. What is asked and
/// answered is none of its business.
@NullMarked
package io.sluice.ingester.http.server;

import org.jspecify.annotations.NullMarked;
