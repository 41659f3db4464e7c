package io.sluice.ingester.http.server;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.http.server.Patience.Phase;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.eclipse.jetty.io.ArrayByteBufferPool;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Listens, by Jetty. Any thread may call any method.
///
/// Two threads of Jetty's accept connections and see what comes over them; each request runs on the executor. A
/// connection without a request has no thread and no buffer.
public final class HttpListener {
    private static final Logger LOG = LoggerFactory.getLogger(HttpListener.class);
    /// Connections that wait to be accepted.
    private static final int BACKLOG = 1_024;
    /// One accepts, one selects, the others do what comes between; none of them runs a request.
    private static final int MAX_THREADS = 8;

    private static final int MIN_THREADS = 3;
    private static final int THREAD_IDLE_MS = 60_000;
    /// A connection may keep so much of a head that does not come to its end.
    private static final int MAX_HEAD_BYTES = 16 * 1_024;
    /// Of a body is read at once: so much a request holds until its answer has left.
    private static final int INPUT_BUFFER_BYTES = 16 * 1_024;
    /// Kept for the next ones; when there are more, they are garbage.
    private static final long MAX_POOLED_BYTES = 4L << 20;

    private final Connections connections;
    private final Server server;
    private final ServerConnector connector;

    /// Binds the address; accepts nothing before [#start].
    ///
    /// @param executor gives each request a thread of its own
    /// @param nanoTime nanoseconds from any beginning
    /// @param pause of reading what nobody wants
    /// @throws IOException if the address cannot be bound
    public HttpListener(
            InetSocketAddress bind,
            ConnectionLimits limits,
            Executor executor,
            HttpHandler handler,
            LongSupplier nanoTime,
            Pause pause,
            MeterRegistry metrics)
            throws IOException {
        this.connections = new Connections(limits, nanoTime, metrics);
        QueuedThreadPool threads = new QueuedThreadPool(MAX_THREADS, MIN_THREADS, THREAD_IDLE_MS);
        threads.setName("http");
        threads.setReservedThreads(0);
        threads.setVirtualThreadsExecutor(executor);
        ByteBufferPool buffers = new ArrayByteBufferPool(
                -1, -1, BoundedConnection.MUCH_BYTES, Integer.MAX_VALUE, MAX_POOLED_BYTES, MAX_POOLED_BYTES);
        this.server = new Server(threads, new ScheduledExecutorScheduler("http-timer", false), buffers);
        this.connector = new Acceptor(server, connections);
        connector.setHost(bind.getAddress().getHostAddress());
        connector.setPort(bind.getPort());
        connector.setAcceptQueueSize(BACKLOG);
        connector.setIdleTimeout(0); // our own patience can be changed while it runs, and tells heads from silence
        connector.addBean(connections);
        server.addConnector(connector);
        server.setHandler(new CallHandler(connections, handler, pause));
        server.setErrorHandler(new ErrorAnswers(connections));
        connector.open();
    }

    /// Accepts by a thread that blocks. When there are no file descriptors, the connection of least use gives one back.
    private static final class Acceptor extends ServerConnector {
        private final Connections connections;

        Acceptor(Server server, Connections connections) {
            super(server, 1, 1, new BoundedConnection.Factory(configuration()));
            this.connections = connections;
        }

        @Override
        protected boolean handleAcceptFailure(Throwable failure) {
            if (isRunning() && failure instanceof IOException) {
                var _ = connections.makeRoom();
            }
            return super.handleAcceptFailure(failure);
        }
    }

    private static HttpConfiguration configuration() {
        HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setRequestHeaderSize(MAX_HEAD_BYTES);
        http.setInputBufferSize(INPUT_BUFFER_BYTES);
        http.setHeaderCacheSize(0); // it would take more than all else of a connection
        http.setUseInputDirectByteBuffers(false);
        http.setUseOutputDirectByteBuffers(false);
        return http;
    }

    /// Begins to accept connections.
    public void start() {
        try {
            server.start();
        } catch (Exception e) {
            throw new IllegalStateException("the HTTP server cannot be started: " + e.getMessage(), e);
        }
    }

    public int port() {
        return connector.getLocalPort();
    }

    /// Other limits hold from the next look on, and for the next connection.
    public void reconfigure(ConnectionLimits next) {
        connections.reconfigure(next);
    }

    /// Connections that are open.
    public int open() {
        return connections.count();
    }

    /// Connections in a phase.
    int open(Phase phase) {
        return connections.count(phase);
    }

    /// Ends the connections whose clients have kept them waiting for too long. To be called several times a second.
    public void check() {
        connections.check();
    }

    /// Accepts nothing more, lets requests that are worked on end until the deadline, and closes all connections.
    public void stop(Duration deadline) {
        connector.close();
        connections.stop(deadline);
        try {
            server.stop();
        } catch (Exception e) {
            LOG.warn("the HTTP server was not stopped in order", e);
        }
    }
}
