package io.sluice.benches;

import io.sluice.benches.HttpConnection.Answer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// A stretch of time in which connections post line protocol to `/write?db=`, each one body at a time. What a server
/// refuses for a while (429, 503) is sent again a little later. Once; nothing is in flight afterwards.
final class HttpLoad {
    private static final long RETRY_NANOS = 20_000_000;
    private static final long NO_PACE = 0;

    private final int port;
    private final LineBodies bodies;
    private final long gapNanos;
    private final long startNanos;
    private final long countedFrom;
    private final long endNanos;
    private final AtomicLong turns = new AtomicLong();

    private HttpLoad(int port, LineBodies bodies, long gapNanos, Duration start, Duration window) {
        this.port = port;
        this.bodies = bodies;
        this.gapNanos = gapNanos;
        this.startNanos = System.nanoTime();
        this.countedFrom = start.toNanos();
        this.endNanos = countedFrom + window.toNanos();
    }

    /// What was answered in the window.
    ///
    /// @param latenciesNanos the shortest first
    record Measured(double rowsPerSecond, long[] latenciesNanos) {}

    /// As fast as answers come.
    ///
    /// @param start runs up first, uncounted
    static Measured atPeak(int port, LineBodies bodies, int connections, Duration start, Duration window)
            throws IOException, InterruptedException {
        return new HttpLoad(port, bodies, NO_PACE, start, window).run(connections);
    }

    /// At a steady pace as long as a connection is free; latencies count from when a body was due.
    static Measured paced(
            int port, LineBodies bodies, int connections, double rowsPerSecond, Duration start, Duration window)
            throws IOException, InterruptedException {
        return new HttpLoad(port, bodies, (long) (1e9 * bodies.rows() / rowsPerSecond), start, window).run(connections);
    }

    private Measured run(int connections) throws IOException, InterruptedException {
        try (ExecutorService threads = Executors.newThreadPerTaskExecutor(
                Thread.ofPlatform().name("connection-", 0).factory())) {
            List<Future<Latencies>> running = new ArrayList<>();
            for (int i = 0; i < connections; i++) {
                running.add(threads.submit(this::connection));
            }
            List<Latencies> all = new ArrayList<>();
            for (Future<Latencies> one : running) {
                all.add(one.get());
            }
            long[] sorted = Latencies.sorted(all);
            if (sorted.length == 0) {
                throw new IOException("no body was answered within the window");
            }
            return new Measured(sorted.length * (double) bodies.rows() / ((endNanos - countedFrom) / 1e9), sorted);
        } catch (ExecutionException e) {
            throw new IOException("a connection failed: " + e.getCause(), e.getCause());
        }
    }

    private Latencies connection() throws IOException {
        Latencies latencies = new Latencies();
        try (HttpConnection connection = new HttpConnection(port, bodies)) {
            for (long due = nextDue(); due <= endNanos; due = nextDue()) {
                connection.next();
                for (Answer answer = connection.post(); !answer.isTaken(); answer = connection.post()) {
                    if (!answer.isRefused()) {
                        throw new IOException("the server answered %d %s".formatted(answer.status(), answer.body()));
                    }
                    LockSupport.parkNanos(RETRY_NANOS);
                }
                long answered = System.nanoTime() - startNanos;
                if (answered >= countedFrom && answered <= endNanos) {
                    latencies.add(answered - due);
                }
            }
        }
        return latencies;
    }

    /// When the next body is due: now, or when the pace says so, and then waits for that.
    private long nextDue() {
        if (gapNanos == NO_PACE) {
            return System.nanoTime() - startNanos;
        }
        long due = turns.getAndIncrement() * gapNanos;
        for (long left = startNanos + due - System.nanoTime();
                left > 0 && due <= endNanos;
                left = startNanos + due - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
        return due;
    }
}
