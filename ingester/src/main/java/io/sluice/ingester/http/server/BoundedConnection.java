package io.sluice.ingester.http.server;

import java.util.concurrent.locks.ReentrantLock;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.internal.HttpConnection;

/// A connection of Jetty's whose requests have no more than a number of header fields. Jetty bounds their bytes alone,
/// and a short field takes many times those.
///
/// No two threads read from it. Behind a head that is none, Jetty 12.1.13 hands the error to another thread, which goes
/// on reading when it is answered, while the first one still gives back their buffer: what the client says further
/// was then read into the buffer of another connection, and was in somebody else's request.
final class BoundedConnection extends HttpConnection {
    /// Of a head, and of what stands behind a body in chunks, together.
    private static final int MAX_FIELDS = 200;
    /// Read at once of what nobody wants. Each read tells the client's side of the room that it made, and four times as
    /// many reads took a refused body of 1.7 MB a fifth longer; twice as much at once no longer stays in the
    /// processor's cache.
    static final int MUCH_BYTES = 256 * 1_024;

    private final ReentrantLock reading = new ReentrantLock();

    private BoundedConnection(HttpConfiguration configuration, Connector connector, EndPoint endPoint) {
        super(configuration, connector, endPoint);
    }

    /// Reads requests and serves them, as long as there are any.
    @Override
    public void onFillable() {
        reading.lock();
        try {
            super.onFillable();
        } finally {
            reading.unlock();
        }
    }

    /// Reads more at once from now on, and into memory to which the system's bytes are not copied twice. For the thread
    /// that reads, which keeps none of it while it waits.
    @SuppressWarnings("removal") // there is no other way for one connection
    void readMuch() {
        setInputBufferSize(MUCH_BYTES);
        setUseInputDirectByteBuffers(true);
    }

    /// As configured from now on.
    @SuppressWarnings("removal")
    void readUsual() {
        setInputBufferSize(getHttpConfiguration().getInputBufferSize());
        setUseInputDirectByteBuffers(getHttpConfiguration().isUseInputDirectByteBuffers());
    }

    /// Makes such connections.
    static final class Factory extends HttpConnectionFactory {
        Factory(HttpConfiguration configuration) {
            super(configuration);
        }

        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            return configure(new BoundedConnection(getHttpConfiguration(), connector, endPoint), connector, endPoint);
        }
    }

    @Override
    protected RequestHandler newRequestHandler() {
        return new CountingHandler();
    }

    private final class CountingHandler extends RequestHandler {
        private int fields;

        @Override
        public void startRequest(String method, String uri, HttpVersion version) {
            fields = 0;
            super.startRequest(method, uri, version);
        }

        @Override
        public void parsedHeader(HttpField field) {
            count();
            super.parsedHeader(field);
        }

        @Override
        public void parsedTrailer(HttpField field) {
            count();
            super.parsedTrailer(field);
        }

        private void count() {
            if (++fields > MAX_FIELDS) {
                throw new HttpException.RuntimeException(
                        HttpStatus.REQUEST_HEADER_FIELDS_TOO_LARGE_431,
                        "there are more than %d headers".formatted(MAX_FIELDS));
            }
        }
    }
}
