package io.sluice.ingester.http.server;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.ConnectionMeters;
import io.sluice.ingester.door.ConnectionMeters.Reason;
import io.sluice.ingester.http.server.Patience.Phase;
import io.sluice.ingester.http.server.Patience.State;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.eclipse.jetty.io.Connection;

/// The connections that are open: no more than there may be, and none whose client has kept it waiting for too long.
/// Jetty tells of each that comes and goes. Any thread may call any method.
///
/// If there are too many, the one that is of least use makes room: one over which nothing was ever asked before one
/// that waits for its next request or for its end, and that before one whose client is slow; among equals, the one that
/// has waited for longest. A request that is being worked on is never ended, nor one that has come and was not looked
/// at yet: among thousands of newcomers that takes a while.
final class Connections implements Connection.Listener {
    /// A client that has sent for no longer than this is not slow.
    private static final Duration GRACE = Duration.ofSeconds(1);
    /// As a connection's use: it is not ended for another one.
    private static final int NEEDED = 3;

    private final LongSupplier nanoTime;
    private final ConnectionMeters meters;
    private final Map<Connection, OpenConnection> open = new ConcurrentHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition fewer = lock.newCondition();
    private volatile ConnectionLimits limits;
    private volatile boolean isStopping;

    /// @param nanoTime nanoseconds from any beginning
    Connections(ConnectionLimits limits, LongSupplier nanoTime, MeterRegistry metrics) {
        this.limits = limits;
        this.nanoTime = nanoTime;
        this.meters = new ConnectionMeters("http", open::size, () -> this.limits.maxConnections(), metrics);
    }

    void reconfigure(ConnectionLimits next) {
        limits = next;
    }

    int count() {
        return open.size();
    }

    /// How many are in a phase.
    int count(Phase phase) {
        return (int) open.values().stream()
                .filter(connection -> connection.state().phase() == phase)
                .count();
    }

    /// Empty if it was closed to make room.
    Optional<OpenConnection> find(Connection connection) {
        return Optional.ofNullable(open.get(connection));
    }

    @Override
    public void onOpened(Connection connection) {
        if (open.size() >= limits.maxConnections() && !makeRoom()) {
            meters.closed(Reason.REFUSED);
            connection.getEndPoint().close();
            return;
        }
        OpenConnection added = new OpenConnection(connection, new Patience(nanoTime, () -> limits));
        open.put(connection, added);
        if (isStopping) {
            added.endSoon(); // the stop may not have seen it
        }
    }

    @Override
    public void onClosed(Connection connection) {
        var _ = remove(connection);
    }

    private boolean remove(Connection connection) {
        boolean removed = open.remove(connection) != null;
        if (removed && isStopping) {
            lock.lock();
            try {
                fewer.signalAll();
            } finally {
                lock.unlock();
            }
        }
        return removed;
    }

    /// Closes the connection that is of least use; false if all are needed.
    boolean makeRoom() {
        long now = nanoTime.getAsLong();
        Optional<Map.Entry<Connection, OpenConnection>> least = Optional.empty();
        int leastUse = NEEDED;
        long longest = 0;
        for (Map.Entry<Connection, OpenConnection> each : open.entrySet()) {
            State state = each.getValue().state();
            long waited = state.waitedNanos(now);
            int use = use(state.phase(), waited, each.getValue().patience().hasServed());
            boolean isLess = use < leastUse || (use == leastUse && use < NEEDED && waited > longest);
            if (isLess && !each.getValue().hasUnread()) {
                least = Optional.of(each);
                leastUse = use;
                longest = waited;
            }
        }
        if (least.isEmpty() || !remove(least.get().getKey())) {
            return false;
        }
        meters.closed(Reason.CROWDED);
        least.get().getValue().close();
        return true;
    }

    /// The lower, the less is lost with the connection.
    private static int use(Phase phase, long waitedNanos, boolean hasServed) {
        return switch (phase) {
            case IDLE -> hasServed ? 1 : 0;
            case END -> 1;
            case HEAD, BODY, ANSWER -> waitedNanos > GRACE.toNanos() ? 2 : NEEDED;
            case WORK -> NEEDED;
        };
    }

    /// Ends those whose clients have kept them waiting for too long.
    void check() {
        long now = nanoTime.getAsLong();
        for (OpenConnection connection : open.values()) {
            State state = connection.state();
            if (state.isOver(now)) {
                switch (state.phase()) {
                    case IDLE -> {
                        if (connection.hasUnread()) {
                            continue;
                        }
                        meters.closed(Reason.IDLE);
                        connection.close();
                    }
                    case END -> connection.close();
                    case HEAD, BODY, ANSWER -> {
                        if (!connection.patience().isExhausted()) {
                            meters.closed(Reason.SLOW);
                        }
                        connection.endSlow();
                    }
                    case WORK -> {}
                }
            }
        }
    }

    /// Lets requests that are worked on end until the deadline, and closes all connections.
    void stop(Duration deadline) {
        isStopping = true;
        open.values().forEach(OpenConnection::endSoon);
        long leftNanos = deadline.toNanos();
        lock.lock();
        try {
            while (leftNanos > 0 && !open.isEmpty()) {
                leftNanos = fewer.awaitNanos(leftNanos);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
        open.values().forEach(OpenConnection::close);
    }
}
