package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.persist.GateTimeout.Mode;
import io.sluice.persist.PersistGate.Outcome;
import io.sluice.persist.PersistGate.Permit;
import io.sluice.persist.PersistGate.Precedence;
import io.sluice.persist.PersistGate.Ticket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Those who wait on threads of their own.
@Timeout(180)
class PersistGateThreadsTest {
    private static final GateTimeout AT_ONCE =
            new GateTimeout(Mode.POSITION, Duration.ofNanos(1), Duration.ofNanos(1), Duration.ofNanos(1));
    private static final GateTimeout SOON =
            new GateTimeout(Mode.MEDIAN, Duration.ofNanos(100_000), Duration.ofNanos(100_000), Duration.ofSeconds(1));
    private static final GateTimeout AFTER_HOURS =
            new GateTimeout(Mode.MEDIAN, Duration.ofHours(9), Duration.ofHours(9), Duration.ofHours(9));

    private final ManualClock clock = new ManualClock();

    @Test
    void whoIsInterruptedWaitsNoLongerAndLetsTheNextOneIn() throws Exception {
        var gate = gate(3, 100, AFTER_HOURS);
        Permit inside = gate.tryAcquire(ticket(gate, 60)).orElseThrow();
        Waiter head = waiter(gate, ticket(gate, 50));
        Waiter small = waiter(gate, ticket(gate, 40));

        head.thread.interrupt();

        assertThatThrownBy(head.task::get).hasCauseInstanceOf(InterruptedException.class);
        assertThat(small.task.get()).isPresent();
        inside.close();
        assertThat(gate.stats().active()).isZero();
    }

    @Test
    void whoTimesOutIsTold() throws Exception {
        var gate = gate(1, 100, AT_ONCE);
        Permit inside = gate.tryAcquire(ticket(gate, 1)).orElseThrow();
        Ticket ticket = ticket(gate, 1);
        assertThat(gate.tryAcquire(ticket)).isEmpty();
        assertThat(gate.stats().timeouts()).isEqualTo(1);
        assertThat(gate.stats().waiting()).isZero();
        inside.close();
        gate.tryAcquire(ticket).orElseThrow().close();
    }

    @Test
    void aReleaseWakesWhoWaits() throws Exception {
        var gate = gate(1, 100, AFTER_HOURS);
        Permit inside = gate.tryAcquire(ticket(gate, 1)).orElseThrow();
        List<Waiter> waiters = List.of(waiter(gate, ticket(gate, 1)), waiter(gate, ticket(gate, 1)));
        inside.close();
        for (Waiter waiter : waiters) {
            assertThat(waiter.task.get()).isPresent();
        }
    }

    @Test
    void anInterruptThatComesAfterTheGrantKeepsThePermit() throws Exception {
        var gate = gate(1, 100, AFTER_HOURS);
        Thread.currentThread().interrupt();
        Optional<Permit> permit = gate.tryAcquire(ticket(gate, 1));
        assertThat(Thread.interrupted()).isTrue();
        permit.orElseThrow().close();
        assertThat(gate.stats().active()).isZero();
    }

    /// Many threads give up, are interrupted, and ask again, while limits change. Everyone is served in the end, the
    /// widest limits are never broken, and nothing remains.
    @Test
    void aHerdThatTimesOutAndIsInterruptedNeverWedgesTheGate() throws Exception {
        long seed = 42;
        int maxSlots = 4;
        int maxBytes = 1_000;
        var gate = gate(maxSlots, maxBytes, SOON);
        var inside = new AtomicInteger();
        var used = new AtomicInteger();
        var broken = new AtomicInteger();
        var grants = new AtomicInteger();
        int threads = 16;
        int jobs = 100;
        var start = new CountDownLatch(1);
        try (var pool = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            List<Future<?>> results = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                var random = new Random(seed + t);
                results.add(pool.submit((Callable<Void>) () -> {
                    start.await();
                    for (int job = 0; job < jobs; job++) {
                        int bytes = random.nextInt(700);
                        Permit permit = insist(gate, ticket(gate, bytes), random);
                        boolean isWithin = inside.incrementAndGet() <= maxSlots && used.addAndGet(bytes) <= maxBytes;
                        if (!isWithin) {
                            broken.incrementAndGet();
                        }
                        grants.incrementAndGet();
                        gate.reconfigure(new PersistGateSettings(
                                1 + random.nextInt(maxSlots), 700 + random.nextInt(maxBytes - 699), SOON));
                        used.addAndGet(-bytes);
                        inside.decrementAndGet();
                        permit.close(Outcome.SUCCEEDED);
                    }
                    return null;
                }));
            }
            start.countDown();
            for (Future<?> result : results) {
                result.get(150, TimeUnit.SECONDS);
            }
        }
        assertThat(grants).as("seed %d", seed).hasValue(threads * jobs);
        assertThat(broken).as("limits broken, seed %d", seed).hasValue(0);
        assertThat(gate.stats().active()).isZero();
        assertThat(gate.stats().usedBytes()).isZero();
        assertThat(gate.stats().waiting()).isZero();
    }

    private static Permit insist(PersistGate gate, Ticket ticket, Random random) {
        while (true) {
            if (random.nextInt(8) == 0) {
                Thread.currentThread().interrupt();
            }
            try {
                Optional<Permit> permit = gate.tryAcquire(ticket);
                if (permit.isPresent()) {
                    return permit.get();
                }
            } catch (InterruptedException e) {
                Thread.onSpinWait(); // and asks again
            }
        }
    }

    private PersistGate gate(int slots, long memoryBytes, GateTimeout timeout) {
        return new PersistGate(new PersistGateSettings(slots, memoryBytes, timeout), clock, new SimpleMeterRegistry());
    }

    private static Ticket ticket(PersistGate gate, long bytes) {
        return gate.ticket(bytes, Precedence.IN_TURN);
    }

    /// Starts a thread that goes in and out, and returns once it waits (or has done that).
    private static Waiter waiter(PersistGate gate, Ticket ticket) {
        int before = gate.stats().waiting();
        var task = new FutureTask<>(() -> {
            Optional<Permit> permit = gate.tryAcquire(ticket);
            permit.ifPresent(Permit::close);
            return permit;
        });
        Thread thread = Thread.ofPlatform().start(task);
        while (gate.stats().waiting() == before && !task.isDone()) {
            Thread.onSpinWait();
        }
        return new Waiter(thread, task);
    }

    private record Waiter(Thread thread, FutureTask<Optional<Permit>> task) {}
}
