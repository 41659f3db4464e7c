package io.sluice.query.flight;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.apache.arrow.flight.FlightProducer.ServerStreamListener;

/// Streams that wait for their clients to read on, and the end of those that have waited for too long. It has no
/// thread: somebody calls [#endIdle] every now and then, and a stream ends with the first call that finds it idle for
/// the timeout. Any thread may call any method.
public final class IdleStreams {
    private final Duration timeout;
    private final LongSupplier nanoTime;
    private final Set<Client> waiting = ConcurrentHashMap.newKeySet();
    private final Counter ended;

    /// @param nanoTime nanoseconds from any beginning
    public IdleStreams(FlightSettings settings, LongSupplier nanoTime, MeterRegistry metrics) {
        this.timeout = settings.idleTimeout();
        this.nanoTime = nanoTime;
        this.ended = Counter.builder("sluice.query.idle.ended")
                .description("Streams ended because their client did not read for --query-idle-timeout")
                .register(metrics);
        Gauge.builder("sluice.query.waiting", waiting::size)
                .description("Streams that wait for their client to read on")
                .register(metrics);
    }

    /// Ends the streams that have waited for the timeout.
    public void endIdle() {
        long nowNs = nanoTime.getAsLong();
        waiting.forEach(client -> client.endIfIdle(nowNs));
    }

    /// How many streams wait for their client.
    public int waiting() {
        return waiting.size();
    }

    Duration timeout() {
        return timeout;
    }

    /// Begins to listen to a client. To be called before the call's first callback.
    ///
    /// @param gone hears that the client has gone, on a thread of the call's executor
    Client join(ServerStreamListener listener, Runnable gone) {
        Client client = new Client(listener);
        listener.setOnReadyHandler(client::wake);
        listener.setOnCancelHandler(() -> {
            gone.run();
            client.wake();
        });
        return client;
    }

    /// What a stream does next.
    enum Outcome {
        /// The client takes a batch.
        READY,
        /// The client has gone.
        CANCELLED,
        /// The client has not read for the timeout.
        IDLE
    }

    /// One stream's client. Its stream waits on one thread.
    final class Client {
        private final ServerStreamListener listener;
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private long sinceNs;
        private boolean isIdle;

        private Client(ServerStreamListener listener) {
            this.listener = listener;
        }

        private void wake() {
            lock.lock();
            try {
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        private void endIfIdle(long nowNs) {
            lock.lock();
            try {
                if (!isIdle && !listener.isReady() && !listener.isCancelled() && nowNs - sinceNs >= timeout.toNanos()) {
                    isIdle = true;
                    ended.increment();
                    changed.signalAll();
                }
            } finally {
                lock.unlock();
            }
        }

        /// Waits until the client takes a batch, has gone, or was idle for the timeout.
        Outcome await() {
            lock.lock();
            try {
                sinceNs = nanoTime.getAsLong();
                while (!isIdle && !listener.isReady() && !listener.isCancelled()) {
                    waiting.add(this);
                    changed.awaitUninterruptibly();
                }
                if (listener.isCancelled()) {
                    return Outcome.CANCELLED;
                }
                return isIdle ? Outcome.IDLE : Outcome.READY;
            } finally {
                waiting.remove(this);
                lock.unlock();
            }
        }
    }
}
