package io.sluice.ingester.http.server;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.ConnectionMeters;
import io.sluice.ingester.door.ConnectionMeters.Reason;
import io.sluice.ingester.http.server.Patience.Phase;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Listens, and keeps the connections: no more than there may be, and none whose client has kept it waiting for too
/// long. Any thread may call any method.
///
/// If there are too many, the one that is of least use makes room: one over which nothing was ever asked before one
/// that waits for its next request, and that before one whose client is slow; among equals, the one that has waited for
/// longest. A request that is being worked on is never ended.
public final class HttpListener {
    private static final Logger LOG = LoggerFactory.getLogger(HttpListener.class);
    /// Connections that wait to be accepted.
    private static final int BACKLOG = 1_024;
    /// A client that has sent for no longer than this is not slow.
    private static final Duration GRACE = Duration.ofSeconds(1);
    /// Until it is tried again to accept a connection, when there are no file descriptors.
    private static final Duration ACCEPT_PAUSE = Duration.ofMillis(50);
    /// As a connection's use: it is not ended for another one.
    private static final int NEEDED = 3;

    private final ServerSocket server = new ServerSocket();
    private final Executor executor;
    private final HttpHandler handler;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Pause pause;
    private final ConnectionMeters meters;
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition quieter = lock.newCondition();
    private volatile ConnectionLimits limits;
    private volatile boolean isStopping;

    /// Binds the address; accepts nothing before [#start].
    ///
    /// @param executor gives each task a thread of its own
    /// @param clock for the date of answers
    /// @param nanoTime nanoseconds from any beginning
    /// @param pause of the thread that accepts, when it cannot
    /// @throws IOException if the address cannot be bound
    public HttpListener(
            InetSocketAddress bind,
            ConnectionLimits limits,
            Executor executor,
            HttpHandler handler,
            InstantSource clock,
            LongSupplier nanoTime,
            Pause pause,
            MeterRegistry metrics)
            throws IOException {
        this.limits = limits;
        this.executor = executor;
        this.handler = handler;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.pause = pause;
        this.meters = new ConnectionMeters("http", connections::size, () -> this.limits.maxConnections(), metrics);
        boolean done = false;
        try {
            server.setReuseAddress(true);
            server.bind(bind, BACKLOG);
            done = true;
        } finally {
            if (!done) {
                server.close();
            }
        }
    }

    /// Begins to accept connections.
    public void start() {
        executor.execute(this::accept);
    }

    public int port() {
        return server.getLocalPort();
    }

    /// Other limits hold from the next look on, and for the next connection.
    public void reconfigure(ConnectionLimits next) {
        limits = next;
    }

    /// Connections that are open.
    public int open() {
        return connections.size();
    }

    /// Connections in a phase.
    int open(Phase phase) {
        return (int) connections.stream()
                .filter(connection -> connection.patience().phase() == phase)
                .count();
    }

    private void accept() {
        while (!isStopping) {
            try {
                add(server.accept());
            } catch (IOException e) {
                if (!isStopping) {
                    // No file descriptors, most likely: to close what is idle gives some back.
                    LOG.warn("cannot accept an HTTP connection: {}", e.getMessage());
                    var _ = makeRoom();
                    if (!rest()) {
                        return;
                    }
                }
            }
        }
    }

    private boolean rest() {
        try {
            pause.await(ACCEPT_PAUSE);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void add(Socket socket) throws IOException {
        if (connections.size() >= limits.maxConnections() && !makeRoom()) {
            meters.closed(Reason.REFUSED);
            socket.close();
            return;
        }
        boolean done = false;
        try {
            Connection connection = new Connection(socket, handler, clock, new Patience(nanoTime, () -> limits));
            connections.add(connection);
            if (isStopping) {
                connection.endSoon(); // the stop may not have seen it
            }
            executor.execute(() -> serve(connection));
            done = true;
        } catch (RejectedExecutionException e) {
            LOG.debug("an HTTP connection came too late: {}", e.getMessage());
        } finally {
            if (!done) {
                socket.close();
            }
        }
    }

    private void serve(Connection connection) {
        try {
            connection.run();
        } finally {
            remove(connection);
        }
    }

    private boolean remove(Connection connection) {
        boolean removed = connections.remove(connection);
        if (removed && isStopping) {
            lock.lock();
            try {
                quieter.signalAll();
            } finally {
                lock.unlock();
            }
        }
        return removed;
    }

    /// Closes the connection that is of least use; false if all are needed.
    private boolean makeRoom() {
        long now = nanoTime.getAsLong();
        Optional<Connection> least = Optional.empty();
        int leastUse = Integer.MAX_VALUE;
        long longest = 0;
        for (Connection connection : connections) {
            Patience patience = connection.patience();
            long waited = patience.waitedNanos(now);
            int use = use(patience, waited);
            if (use < leastUse || (use == leastUse && use < NEEDED && waited > longest)) {
                least = Optional.of(connection);
                leastUse = use;
                longest = waited;
            }
        }
        if (leastUse == NEEDED || least.isEmpty() || !remove(least.get())) {
            return false;
        }
        least.get().close();
        meters.closed(Reason.CROWDED);
        return true;
    }

    /// The lower, the less is lost with the connection.
    private static int use(Patience patience, long waitedNanos) {
        return switch (patience.phase()) {
            case IDLE -> patience.hasServed() ? 1 : 0;
            case HEAD, BODY, ANSWER -> waitedNanos > GRACE.toNanos() ? 2 : NEEDED;
            case WORK -> NEEDED;
        };
    }

    /// Ends the connections whose clients have kept them waiting for too long. To be called several times a second.
    public void check() {
        long now = nanoTime.getAsLong();
        for (Connection connection : connections) {
            Patience patience = connection.patience();
            if (patience.isOver(now)) {
                boolean isFirst = !patience.isExhausted();
                if (patience.phase() == Phase.IDLE) {
                    meters.closed(Reason.IDLE);
                    connection.close();
                } else {
                    if (isFirst) {
                        meters.closed(Reason.SLOW);
                    }
                    connection.endSlow();
                }
            }
        }
    }

    /// Accepts nothing more, lets requests that are worked on end until the deadline, and closes all connections.
    public void stop(Duration deadline) {
        isStopping = true;
        try {
            server.close();
        } catch (IOException e) {
            LOG.warn("the HTTP port was not closed in order", e);
        }
        connections.forEach(Connection::endSoon);
        long leftNanos = deadline.toNanos();
        lock.lock();
        try {
            while (leftNanos > 0 && !connections.isEmpty()) {
                leftNanos = quieter.awaitNanos(leftNanos);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
        connections.forEach(Connection::close);
    }
}
