package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import io.sluice.ingester.http.server.Patience.State;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.io.Connection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A connection as Jetty has it, and what it does at this moment. Any thread may call any method, except that the
/// phases of a request are begun by the thread that serves it.
final class OpenConnection {
    private static final Logger LOG = LoggerFactory.getLogger(OpenConnection.class);

    private final Connection connection;
    private final InetSocketAddress client;
    private final Patience patience;
    /// Received when it last began to wait for a request.
    private volatile long bytesBefore;
    private volatile boolean isEnding;

    OpenConnection(Connection connection, Patience patience) {
        this.connection = connection;
        this.client = (InetSocketAddress) connection.getEndPoint().getRemoteSocketAddress();
        this.patience = patience;
    }

    InetSocketAddress client() {
        return client;
    }

    Patience patience() {
        return patience;
    }

    /// What it does. Jetty does not tell when a request's first bytes come, so that is seen here.
    State state() {
        State state = patience.state();
        if (state.phase() == Phase.IDLE && connection.getBytesIn() != bytesBefore) {
            patience.beginHead(state);
            return patience.state();
        }
        return state;
    }

    /// Whether the client has sent a request, or more of one, at which nobody has looked yet: it is the server then
    /// that is slow. A call of the system; false behind a request, where what comes is of no use.
    boolean hasUnread() {
        return switch (patience.state().phase()) {
            case IDLE, HEAD, BODY -> arrivedBytes() > 0;
            case WORK, ANSWER, END -> false;
        };
    }

    private int arrivedBytes() {
        try {
            return connection.getEndPoint().getTransport() instanceof SocketChannel channel
                    ? channel.socket().getInputStream().available()
                    : 0;
        } catch (IOException e) {
            LOG.debug("the connection of {} ended by itself: {}", client, e.toString());
            return 0;
        }
    }

    /// A request was served, and there may be another.
    void awaitNext() {
        bytesBefore = connection.getBytesIn();
        patience.begin(Phase.IDLE);
        if (isEnding) {
            close();
        }
    }

    /// The last request was served: the client may read its answer, and closes the connection.
    void awaitEnd() {
        patience.begin(Phase.END);
        if (isEnding) {
            close();
        }
    }

    /// From now on, what comes is passed over.
    void beginDrain() {
        if (connection instanceof BoundedConnection bounded) {
            bounded.readMuch();
        }
    }

    /// What comes is a request again.
    void endDrain() {
        if (connection instanceof BoundedConnection bounded) {
            bounded.readUsual();
        }
    }

    /// Ends the connection of a client that took too long: if it sends a body it hears why, the first time.
    void endSlow() {
        if (patience.state().phase() != Phase.BODY || patience.isExhausted()) {
            close();
            return;
        }
        patience.exhaust();
        try {
            // To the body's reader this is the end of what the client sends.
            if (connection.getEndPoint().getTransport() instanceof SocketChannel channel) {
                var _ = channel.shutdownInput();
            }
        } catch (IOException e) {
            LOG.debug("the connection of {} ended by itself: {}", client, e.toString());
        }
    }

    /// Ends the connection behind the request that is worked on, or at once if there is none.
    void endSoon() {
        isEnding = true;
        switch (patience.state().phase()) {
            case WORK, ANSWER -> {}
            case IDLE, HEAD, BODY, END -> close();
        }
    }

    /// Whether there will be no request behind this one.
    boolean isEnding() {
        return isEnding;
    }

    /// Ends the connection at once.
    void close() {
        connection.getEndPoint().close();
    }
}
