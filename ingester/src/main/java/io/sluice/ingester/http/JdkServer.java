package io.sluice.ingester.http;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;

/// Makes the JDK's HTTP server with limits: it has none of its own against clients that are many, slow or silent, and
/// reads them from system properties, once in a process, when its first server is made. A property that is set on the
/// command line stays as it is.
final class JdkServer {
    /// Connections that wait to be accepted.
    private static final int BACKLOG = 1_024;
    /// Open connections, and so requests at once; one more is closed as soon as it is accepted.
    private static final String MAX_CONNECTIONS = "4096";

    private static final Map<String, String> LIMITS = Map.of(
            "jdk.httpserver.maxConnections",
            MAX_CONNECTIONS,
            // By default a connection above 200 is closed behind its answer, while the client thinks that it is open.
            "sun.net.httpserver.maxIdleConnections",
            MAX_CONNECTIONS,
            // Seconds; clients that write once a minute keep theirs.
            "sun.net.httpserver.idleInterval",
            "300",
            // Seconds from a request's first byte to its last: 64 MiB at 4.5 Mbit/s.
            "sun.net.httpserver.maxReqTime",
            "120",
            // Seconds from there to the last byte of the answer.
            "sun.net.httpserver.maxRspTime",
            "300",
            "sun.net.httpserver.maxReqHeaderSize",
            "65536",
            // Otherwise an answer of two packets waits for the client's delayed acknowledgement.
            "sun.net.httpserver.nodelay",
            "true");

    private JdkServer() {}

    /// Binds the address; answers nothing before it is started.
    static HttpServer bind(InetSocketAddress address) throws IOException {
        LIMITS.forEach((name, value) -> {
            if (System.getProperty(name) == null) {
                System.setProperty(name, value);
            }
        });
        return HttpServer.create(address, BACKLOG);
    }
}
