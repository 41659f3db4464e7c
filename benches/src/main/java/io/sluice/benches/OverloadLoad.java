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

/// A stretch of time in which many connections together offer more than a server can take: whichever is free sends the
/// body that is due, and late ones at once. Once; nothing is in flight afterwards.
final class OverloadLoad {
    /// What a client does when it is refused.
    enum Manners {
        /// Waits as long as it was told, and sends the body again.
        HONEST,
        /// Waits for nothing, and sends the body again at once. It does not make another one: that would take more of
        /// the machine than to send it, from the server that it shares the machine with.
        RUDE
    }

    private final int port;
    private final LineBodies bodies;
    private final long gapNanos;
    private final long startNanos = System.nanoTime();
    private final long countedFrom;
    private final long endNanos;
    private final AtomicLong turns = new AtomicLong();

    private OverloadLoad(int port, LineBodies bodies, double rowsPerSecond, Duration start, Duration window) {
        this.port = port;
        this.bodies = bodies;
        this.gapNanos = (long) (1e9 * bodies.rows() / rowsPerSecond);
        this.countedFrom = start.toNanos();
        this.endNanos = countedFrom + window.toNanos();
    }

    /// What was answered.
    ///
    /// @param rowsPerSecond that were taken within the window
    /// @param latenciesNanos of what was taken within the window, from when it was sent; the shortest first
    /// @param takenBodies also those before the window
    /// @param refusals that said when to come back
    /// @param withoutHint errors that did not, the connection's end among them
    record Measured(
            double rowsPerSecond, long[] latenciesNanos, long takenBodies, long refusals, List<String> withoutHint) {}

    /// Of one connection.
    private static final class Tally {
        private final Latencies latencies = new Latencies();
        private long taken;
        private long refusals;
        private final List<String> withoutHint = new ArrayList<>();
    }

    /// Offers so many rows a second.
    ///
    /// @param rude how many of the connections are
    /// @param start runs up first, uncounted
    static Measured run(
            int port,
            LineBodies bodies,
            int connections,
            int rude,
            double rowsPerSecond,
            Duration start,
            Duration window)
            throws IOException, InterruptedException {
        return new OverloadLoad(port, bodies, rowsPerSecond, start, window).run(connections, rude);
    }

    private Measured run(int connections, int rude) throws IOException, InterruptedException {
        try (ExecutorService threads = Executors.newThreadPerTaskExecutor(
                Thread.ofPlatform().name("client-", 0).factory())) {
            List<Future<Tally>> running = new ArrayList<>();
            for (int i = 0; i < connections; i++) {
                Manners manners = i < rude ? Manners.RUDE : Manners.HONEST;
                running.add(threads.submit(() -> client(manners)));
            }
            List<Latencies> latencies = new ArrayList<>();
            List<String> withoutHint = new ArrayList<>();
            long taken = 0;
            long refusals = 0;
            for (Future<Tally> one : running) {
                Tally tally = one.get();
                latencies.add(tally.latencies);
                withoutHint.addAll(tally.withoutHint);
                taken += tally.taken;
                refusals += tally.refusals;
            }
            long[] sorted = Latencies.sorted(latencies);
            if (sorted.length == 0) {
                throw new IOException("nothing was taken within the window; errors: " + withoutHint);
            }
            double perSecond = sorted.length * (double) bodies.rows() / ((endNanos - countedFrom) / 1e9);
            return new Measured(perSecond, sorted, taken, refusals, withoutHint);
        } catch (ExecutionException e) {
            throw new IOException("a client failed: " + e.getCause(), e.getCause());
        }
    }

    private Tally client(Manners manners) throws IOException {
        Tally tally = new Tally();
        try (HttpConnection connection = new HttpConnection(port, bodies)) {
            while (awaitTurn()) {
                connection.next();
                boolean isDone = false;
                while (!isDone) {
                    long sent = System.nanoTime() - startNanos;
                    Answer answer;
                    try {
                        answer = connection.post();
                    } catch (IOException e) {
                        tally.withoutHint.add(String.valueOf(e));
                        connection.reopen();
                        break;
                    }
                    isDone = note(answer, sent, tally) || !waitAsTold(manners, answer);
                    if (answer.isLast()) {
                        connection.reopen();
                    }
                }
            }
        }
        return tally;
    }

    /// Whether the body was taken, or will never be.
    private boolean note(Answer answer, long sentNanos, Tally tally) {
        long now = System.nanoTime() - startNanos;
        if (answer.isTaken()) {
            tally.taken++;
            if (now >= countedFrom && now <= endNanos) {
                tally.latencies.add(now - sentNanos);
            }
            return true;
        }
        if (answer.isRefused() && answer.retryAfterSeconds().isPresent()) {
            tally.refusals++;
            return false;
        }
        tally.withoutHint.add(answer.status() + " " + answer.body());
        return true;
    }

    /// Whether there is time to send the body again.
    private boolean waitAsTold(Manners manners, Answer answer) {
        if (manners == Manners.RUDE) {
            return System.nanoTime() - startNanos <= endNanos;
        }
        long until = System.nanoTime()
                - startNanos
                + Duration.ofSeconds(answer.retryAfterSeconds().orElseThrow()).toNanos();
        await(Math.min(until, endNanos));
        return until <= endNanos;
    }

    /// Waits until a body is due; false if the time is over.
    private boolean awaitTurn() {
        long due = turns.getAndIncrement() * gapNanos;
        await(Math.min(due, endNanos));
        return due <= endNanos && System.nanoTime() - startNanos <= endNanos;
    }

    private void await(long nanos) {
        for (long left = startNanos + nanos - System.nanoTime();
                left > 0;
                left = startNanos + nanos - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
