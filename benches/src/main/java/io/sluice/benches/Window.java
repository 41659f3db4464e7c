package io.sluice.benches;

import com.sun.management.OperatingSystemMXBean;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import io.sluice.wal.WalRefusedException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// A stretch of time in which producers write to a log as fast as it answers.
final class Window {
    /// Until then the last acks have come, or none will.
    private static final Duration LONGEST_ACK = Duration.ofSeconds(30);

    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final Load load;
    private final Contestant log;
    private final CountDownLatch failed = new CountDownLatch(1);
    private volatile Phase phase = Phase.STARTING;

    private enum Phase {
        /// Writes are not counted yet.
        STARTING,
        COUNTING,
        /// No more writes.
        OVER
    }

    /// What was acknowledged.
    ///
    /// @param cpuSeconds of the whole process, the producers among them
    /// @param latenciesNanos from handing a write over to its ack, the shortest first; of producers with
    ///     one write in flight only
    record Measured(long writes, long bytes, double seconds, double cpuSeconds, long[] latenciesNanos) {
        double writesPerSecond() {
            return writes / seconds;
        }

        double megabytesPerSecond() {
            return bytes / 1e6 / seconds;
        }

        double cpuSecondsPerGigabyte() {
            return cpuSeconds / (bytes / 1e9);
        }

        double latencyMicros(double share) {
            return Latencies.percentile(latenciesNanos, share) / 1e3;
        }
    }

    private record Tally(long writes, long bytes, Latencies latencies) {}

    private Window(Load load, Contestant log) {
        this.load = load;
        this.log = log;
    }

    /// Runs a load.
    ///
    /// @param start runs up first, uncounted
    /// @throws IOException if the log failed or refused a write, or acknowledged none
    static Measured run(Load load, Contestant log, Duration start, Duration length)
            throws IOException, InterruptedException {
        return new Window(log.isBlocking() ? load.oneInFlightEach() : load, log).run(start, length);
    }

    private Measured run(Duration start, Duration length) throws IOException, InterruptedException {
        Thread.Builder builder = switch (load.threads()) {
            case PLATFORM -> Thread.ofPlatform().name("producer-", 0);
            case VIRTUAL -> Thread.ofVirtual().name("producer-", 0);
        };
        ExecutorService threads = Executors.newThreadPerTaskExecutor(builder.factory());
        try {
            List<Future<Tally>> producers = new ArrayList<>();
            for (int i = 0; i < load.producers(); i++) {
                int producer = i;
                producers.add(threads.submit(() -> produce(producer)));
            }
            awaitFailure(start);
            long startNanos = System.nanoTime();
            long startCpuNanos = PROCESS.getProcessCpuTime();
            phase = Phase.COUNTING;
            awaitFailure(length);
            phase = Phase.OVER;
            double seconds = (System.nanoTime() - startNanos) / 1e9;
            double cpuSeconds = (PROCESS.getProcessCpuTime() - startCpuNanos) / 1e9;
            return sum(producers, seconds, cpuSeconds);
        } finally {
            phase = Phase.OVER;
            threads.shutdownNow();
        }
    }

    /// Waits, but no longer than nothing fails.
    private void awaitFailure(Duration length) throws InterruptedException {
        boolean _ = failed.await(length.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static Measured sum(List<Future<Tally>> producers, double seconds, double cpuSeconds)
            throws IOException, InterruptedException {
        long writes = 0;
        long bytes = 0;
        List<Latencies> latencies = new ArrayList<>();
        for (Future<Tally> producer : producers) {
            Tally tally = tally(producer);
            writes += tally.writes();
            bytes += tally.bytes();
            latencies.add(tally.latencies());
        }
        if (writes == 0) {
            throw new IOException("nothing was acknowledged within %.3f s".formatted(seconds));
        }
        return new Measured(writes, bytes, seconds, cpuSeconds, Latencies.sorted(latencies));
    }

    private static Tally tally(Future<Tally> producer) throws IOException, InterruptedException {
        try {
            return producer.get(LONGEST_ACK.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new IOException("a producer failed", e.getCause());
        } catch (TimeoutException e) {
            throw new IOException("an ack did not come within " + LONGEST_ACK, e);
        }
    }

    private Tally produce(int producer) throws IOException, InterruptedException {
        boolean done = false;
        try {
            Tally tally = load.inFlight() == 1 ? waitForEach(producer) : keepInFlight(producer);
            done = true;
            return tally;
        } finally {
            if (!done) {
                failed.countDown();
            }
        }
    }

    private Tally waitForEach(int producer) throws IOException, InterruptedException {
        Latencies latencies = new Latencies();
        long bytes = 0;
        Acks acks = new Acks();
        for (long sent = 0; phase != Phase.OVER; ) {
            byte[] payload = load.payload(producer, sent);
            long startNanos = System.nanoTime();
            log.append(payload, acks);
            acks.await(++sent);
            long lengthNanos = System.nanoTime() - startNanos;
            if (phase == Phase.COUNTING) {
                latencies.add(lengthNanos);
                bytes += payload.length;
            }
        }
        return new Tally(latencies.count(), bytes, latencies);
    }

    private Tally keepInFlight(int producer) throws IOException, InterruptedException {
        Acks acks = new Acks();
        long sent = 0;
        long uncounted = 0;
        while (phase != Phase.OVER) {
            if (phase == Phase.STARTING) {
                uncounted = acks.count();
            }
            log.append(load.payload(producer, sent), acks);
            sent++;
            acks.await(sent - load.inFlight() + 1);
        }
        long counted = acks.count() - uncounted;
        acks.await(sent);
        return new Tally(counted, counted * load.payload(producer, 0).length, new Latencies());
    }

    /// The acks of one producer, which may wait for them.
    private static final class Acks implements AppendListener {
        private final Thread producer = Thread.currentThread();
        private final AtomicLong count = new AtomicLong();
        private volatile boolean waiting;
        private volatile Optional<IOException> failure = Optional.empty();

        @Override
        public void durable(SequenceNumber sequence) {
            count.incrementAndGet();
            wake();
        }

        @Override
        public void refused(WalRefusedException refusal) {
            failed(new IOException(refusal));
        }

        @Override
        public void failed(IOException cause) {
            failure = Optional.of(cause);
            wake();
        }

        private void wake() {
            if (waiting) {
                LockSupport.unpark(producer);
            }
        }

        long count() {
            return count.get();
        }

        /// Waits until so many have come.
        void await(long wanted) throws IOException, InterruptedException {
            while (count.get() < wanted) {
                if (failure.isPresent()) {
                    throw new IOException("a write was not acknowledged", failure.get());
                }
                waiting = true;
                // Looked at again after the flag is up: an ack after this look sees the flag.
                if (count.get() < wanted && failure.isEmpty()) {
                    LockSupport.park(this);
                }
                waiting = false;
                if (Thread.interrupted()) {
                    throw new InterruptedException("waiting for ack " + wanted);
                }
            }
        }
    }

    /// Writes so many bytes or a little more, many at a time, and waits until all are durable.
    ///
    /// @return how many writes
    static long fill(Contestant log, Load load, long lengthBytes) throws IOException, InterruptedException {
        return fill(log, load, lengthBytes, 0);
    }

    /// Writes so many writes, many at a time, and waits until all are durable.
    ///
    /// @return how many
    static long fillWrites(Contestant log, Load load, long writes) throws IOException, InterruptedException {
        return fill(log, load, 0, writes);
    }

    private static long fill(Contestant log, Load load, long lengthBytes, long writes)
            throws IOException, InterruptedException {
        Acks acks = new Acks();
        long sent = 0;
        for (long bytes = 0; bytes < lengthBytes || sent < writes; sent++) {
            byte[] payload = load.payload(0, sent);
            log.append(payload, acks);
            bytes += payload.length;
            acks.await(sent - load.inFlight() + 2);
        }
        acks.await(sent);
        return sent;
    }
}
