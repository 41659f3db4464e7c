package io.sluice.benches;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// A stretch of time in which a client writes. Once; nothing is in flight afterwards.
final class GrpcLoad {
    private static final Duration LONGEST_ACK = Duration.ofSeconds(30);

    private final GrpcWriter writer;
    private final List<byte[]> payloads;
    private final AtomicLong next = new AtomicLong();
    private final AtomicLong acknowledged = new AtomicLong();
    /// Writes without an ack, and one more until the end.
    private final AtomicInteger open = new AtomicInteger(1);

    private final CompletableFuture<Void> drained = new CompletableFuture<>();
    private volatile boolean isOver;

    private GrpcLoad(GrpcWriter writer, List<byte[]> payloads) {
        this.writer = writer;
        this.payloads = payloads;
    }

    /// As fast as acks come: each ack sends the next write.
    ///
    /// @param start runs up first, uncounted
    /// @return writes acknowledged a second
    static double perSecond(GrpcWriter writer, List<byte[]> payloads, int inFlight, Duration start, Duration window)
            throws IOException, InterruptedException {
        return new GrpcLoad(writer, payloads).perSecond(inFlight, start, window);
    }

    /// At a steady pace, whatever the acks do.
    ///
    /// @param start runs up first, uncounted
    static Paced paced(GrpcWriter writer, List<byte[]> payloads, double perSecond, Duration start, Duration window)
            throws IOException, InterruptedException {
        return new GrpcLoad(writer, payloads).paced(perSecond, start, window);
    }

    /// What became of writes at a steady pace.
    ///
    /// @param perSecond writes, until the last one's ack
    /// @param latenciesNanos from when a write was due to its ack, the shortest first
    record Paced(double perSecond, long[] latenciesNanos) {}

    /// Each write once.
    static void all(GrpcWriter writer, List<byte[]> payloads, int inFlight) throws IOException, InterruptedException {
        GrpcLoad load = new GrpcLoad(writer, payloads);
        for (int i = 0; i < Math.min(inFlight, payloads.size()); i++) {
            load.open.incrementAndGet();
            writer.write(load.payload(), load::ackedOfAll);
        }
        load.end();
    }

    private void ackedOfAll() {
        long place = next.getAndIncrement();
        if (place < payloads.size()) {
            writer.write(payloads.get((int) place), this::ackedOfAll);
        } else {
            closeOne();
        }
    }

    private double perSecond(int inFlight, Duration start, Duration window) throws IOException, InterruptedException {
        for (int i = 0; i < inFlight; i++) {
            open.incrementAndGet();
            writer.write(payload(), this::acked);
        }
        awaitFailure(start);
        long before = acknowledged.get();
        long startNanos = System.nanoTime();
        awaitFailure(window);
        long count = acknowledged.get() - before;
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        end();
        return count / seconds;
    }

    private void acked() {
        acknowledged.incrementAndGet();
        if (isOver) {
            closeOne();
        } else {
            writer.write(payload(), this::acked);
        }
    }

    private Paced paced(double perSecond, Duration start, Duration window) throws IOException, InterruptedException {
        Latencies latencies = new Latencies(); // used by the connection's thread, until the end
        long startNanos = System.nanoTime();
        long countedFrom = start.toNanos();
        long endNanos = countedFrom + window.toNanos();
        double gapNanos = 1e9 / perSecond;
        for (long i = 1; !writer.failure().isDone(); i++) {
            long due = (long) (i * gapNanos);
            if (due > endNanos) {
                break;
            }
            for (long left = startNanos + due - System.nanoTime();
                    left > 0;
                    left = startNanos + due - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            open.incrementAndGet();
            writer.write(payload(), () -> {
                if (due >= countedFrom) {
                    latencies.add(System.nanoTime() - startNanos - due);
                }
                closeOne();
            });
        }
        end();
        long[] counted = Latencies.sorted(List.of(latencies));
        return new Paced(counted.length / ((System.nanoTime() - startNanos - countedFrom) / 1e9), counted);
    }

    private byte[] payload() {
        return payloads.get((int) (next.getAndIncrement() % payloads.size()));
    }

    private void closeOne() {
        if (open.decrementAndGet() == 0) {
            drained.complete(null);
        }
    }

    private void awaitFailure(Duration length) throws IOException, InterruptedException {
        try {
            throw writer.failure().get(length.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            // As it should be.
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private void end() throws IOException, InterruptedException {
        isOver = true;
        closeOne();
        try {
            CompletableFuture.anyOf(drained, writer.failure()).get(LONGEST_ACK.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new IOException("%d writes got no ack within %s".formatted(open.get(), LONGEST_ACK), e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
        if (writer.failure().isDone()) {
            throw writer.failure().join();
        }
    }
}
