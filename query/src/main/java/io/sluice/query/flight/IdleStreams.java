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

/// Streams that wait for their clients to read on, and the end of those that have waited for too long. It has no
/// thread: somebody calls [#endIdle] every now and then, and a stream ends with the first call that finds it idle for
/// the timeout. Any thread may call any method.
public final class IdleStreams {
    private volatile Duration timeout;
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

    /// Another timeout from now on, for streams that wait already as well.
    public void reconfigure(FlightSettings settings) {
        timeout = settings.idleTimeout();
    }

    /// How many streams wait for their client.
    public int waiting() {
        return waiting.size();
    }

    Duration timeout() {
        return timeout;
    }

    /// A client, as its stream sees it. Any thread may ask.
    interface Reader {
        /// Whether it takes a batch.
        boolean isReady();

        /// Whether it has gone.
        boolean isCancelled();

        /// Whether it has read all batches that were sent from memory that others need.
        boolean hasReadAll();
    }

    /// Begins to watch a client.
    Client join(Reader reader) {
        return new Client(reader);
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
        private final Reader reader;
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private long sinceNs;
        private boolean isForAll;
        private boolean isIdle;

        private Client(Reader reader) {
            this.reader = reader;
        }

        /// To be called when what the reader says may have changed.
        void wake() {
            lock.lock();
            try {
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        private boolean mayGoOn() {
            return reader.isCancelled() || (isForAll ? reader.hasReadAll() : reader.isReady());
        }

        private void endIfIdle(long nowNs) {
            lock.lock();
            try {
                if (!isIdle && !mayGoOn() && nowNs - sinceNs >= timeout.toNanos()) {
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
            return await(false);
        }

        /// Waits until the client has read all batches, has gone, or was idle for the timeout.
        Outcome awaitAll() {
            return await(true);
        }

        private Outcome await(boolean forAll) {
            lock.lock();
            try {
                sinceNs = nanoTime.getAsLong();
                isForAll = forAll;
                while (!isIdle && !mayGoOn()) {
                    waiting.add(this);
                    changed.awaitUninterruptibly();
                }
                if (reader.isCancelled()) {
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
