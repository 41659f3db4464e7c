package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.persist.PersistGate.Permit;
import io.sluice.persist.PersistGate.Stats;
import io.sluice.persist.PersistGate.Ticket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PersistGateTest {
    private static final Duration FOREVER = Duration.ofDays(1000_000);
    private static final Duration NOT_AT_ALL = Duration.ZERO;

    private final ManualClock clock = new ManualClock();

    @Test
    void slotsAreGrantedInOrderOfArrival() throws Exception {
        var gate = new PersistGate(1, 100, clock);
        Permit inside = acquired(gate, gate.ticket(1, false));
        var order = Collections.synchronizedList(new ArrayList<Integer>());
        List<Waiter> waiters = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            int number = i;
            waiters.add(waiter(gate, gate.ticket(1, false), FOREVER, () -> order.add(number)));
        }

        inside.close();

        for (Waiter waiter : waiters) {
            waiter.result();
        }
        assertThat(order).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        assertThat(gate.stats()).isEqualTo(new Stats(0, 0, 0, Duration.ZERO));
    }

    /// A ticket drawn first is served first, though it comes to the gate last: its holder had timed out before.
    @Test
    void whoComesAgainHasTheOldPlace() throws Exception {
        var gate = new PersistGate(1, 100, clock);
        Permit inside = acquired(gate, gate.ticket(1, false));
        Ticket first = gate.ticket(1, false);
        assertThat(gate.tryAcquire(first, NOT_AT_ALL)).isEmpty();
        var order = Collections.synchronizedList(new ArrayList<String>());
        Waiter second = waiter(gate, gate.ticket(1, false), FOREVER, () -> order.add("second"));
        Waiter again = waiter(gate, first, FOREVER, () -> order.add("first"));

        inside.close();

        again.result();
        second.result();
        assertThat(order).containsExactly("first", "second");
    }

    /// The peer's gate is blocked for ever by this: its ticket is served, and nobody is there to take it.
    @Test
    void aWaiterBehindTheHeadThatTimesOutDoesNotBlockTheOthers() throws Exception {
        var gate = new PersistGate(1, 100, clock);
        Permit inside = acquired(gate, gate.ticket(1, false));
        Waiter head = waiter(gate, gate.ticket(1, false), FOREVER, () -> {});
        assertThat(gate.tryAcquire(gate.ticket(1, false), NOT_AT_ALL)).isEmpty();
        Waiter last = waiter(gate, gate.ticket(1, false), FOREVER, () -> {});

        inside.close();

        assertThat(head.result()).isPresent();
        assertThat(last.result()).isPresent();
        assertThat(gate.stats().active()).isZero();
    }

    @Test
    void aHeadThatIsInterruptedLetsThoseBehindItIn() throws Exception {
        var gate = new PersistGate(3, 100, clock);
        Permit inside = acquired(gate, gate.ticket(60, false));
        Waiter head = waiter(gate, gate.ticket(50, false), FOREVER, () -> {});
        Waiter small = waiter(gate, gate.ticket(40, false), FOREVER, () -> {});
        assertThat(gate.stats().waiting())
                .as("the small one waits behind the large one")
                .isEqualTo(2);

        head.thread.interrupt();

        assertThatThrownBy(head::result).hasCauseInstanceOf(InterruptedException.class);
        assertThat(small.result()).isPresent();
        inside.close();
        assertThat(gate.stats()).isEqualTo(new Stats(0, 0, 0, Duration.ZERO));
    }

    @Test
    void aHeadThatTimesOutLetsThoseBehindItIn() throws Exception {
        var gate = new PersistGate(3, 100, clock);
        Permit inside = acquired(gate, gate.ticket(60, false));
        Waiter large = waiter(gate, gate.ticket(50, false), Duration.ofMillis(20), () -> {});
        Waiter small = waiter(gate, gate.ticket(40, false), FOREVER, () -> {});

        assertThat(large.result()).isEmpty();
        assertThat(small.result()).isPresent();
        inside.close();
    }

    @Test
    void bytesBoundWhatSlotsWouldAdmit() throws Exception {
        var gate = new PersistGate(10, 100, clock);
        Permit first = acquired(gate, gate.ticket(60, false));
        assertThat(gate.tryAcquire(gate.ticket(41, false), NOT_AT_ALL)).isEmpty();
        Permit second = acquired(gate, gate.ticket(40, false));
        assertThat(gate.stats().usedBytes()).isEqualTo(100);
        assertThat(gate.tryAcquire(gate.ticket(1, false), NOT_AT_ALL)).isEmpty();
        first.close();
        second.close();
        assertThat(gate.stats().usedBytes()).isZero();
    }

    @Test
    void aJobLargerThanTheBudgetRunsAlone() throws Exception {
        var gate = new PersistGate(10, 100, clock);
        Permit small = acquired(gate, gate.ticket(1, false));
        Waiter large = waiter(gate, gate.ticket(Long.MAX_VALUE, false), FOREVER, () -> {
            assertThat(gate.stats().active()).isEqualTo(1);
        });
        Waiter behind = waiter(gate, gate.ticket(1, false), FOREVER, () -> {});
        assertThat(gate.stats().active()).as("nobody passes the large one").isEqualTo(1);

        small.close();

        assertThat(large.result()).isPresent();
        assertThat(behind.result()).isPresent();
        assertThat(gate.stats()).isEqualTo(new Stats(0, 0, 0, Duration.ZERO));
    }

    @Test
    void bypassSkipsSlotsButNotBytes() throws Exception {
        var gate = new PersistGate(1, 100, clock);
        Permit inside = acquired(gate, gate.ticket(50, false));
        Waiter waiting = waiter(gate, gate.ticket(1, false), FOREVER, () -> {});

        Permit bypassing = acquired(gate, gate.ticket(50, true));
        assertThat(gate.stats().active()).isEqualTo(2);
        assertThat(gate.tryAcquire(gate.ticket(1, true), NOT_AT_ALL)).isEmpty();

        inside.close();
        assertThat(gate.stats().waiting()).as("the one slot is still in use").isEqualTo(1);
        bypassing.close();
        assertThat(waiting.result()).isPresent();
    }

    @Test
    void bypassThatWaitsForBytesIsNotOvertaken() throws Exception {
        var gate = new PersistGate(9, 100, clock);
        Permit inside = acquired(gate, gate.ticket(80, false));
        Waiter bypassing = waiter(gate, gate.ticket(50, true), FOREVER, () -> {});

        assertThat(gate.tryAcquire(gate.ticket(1, false), NOT_AT_ALL)).isEmpty();

        inside.close();
        assertThat(bypassing.result()).isPresent();
    }

    @Test
    void closingAPermitTwiceReleasesItOnce() throws Exception {
        var gate = new PersistGate(2, 100, clock);
        Permit permit = acquired(gate, gate.ticket(10, false));
        Permit other = acquired(gate, gate.ticket(20, false));

        permit.close();
        permit.close();

        assertThat(gate.stats()).isEqualTo(new Stats(1, 20, 0, Duration.ZERO));
        other.close();
    }

    @Test
    void theOldestWaitGoesOnThroughTimeouts() throws Exception {
        var gate = new PersistGate(1, 100, clock);
        Permit inside = acquired(gate, gate.ticket(1, false));
        Ticket ticket = gate.ticket(1, false);
        assertThat(gate.tryAcquire(ticket, NOT_AT_ALL)).isEmpty();
        clock.advance(Duration.ofSeconds(5));
        Waiter waiter = waiter(gate, ticket, FOREVER, () -> {});
        clock.advance(Duration.ofSeconds(2));

        assertThat(gate.stats().oldestWait()).isEqualTo(Duration.ofSeconds(7));

        inside.close();
        assertThat(waiter.result()).isPresent();
        assertThat(gate.stats().oldestWait()).isZero();
    }

    @Test
    void anInterruptThatComesAfterTheGrantKeepsThePermit() throws Exception {
        var gate = new PersistGate(1, 100, clock);
        Thread.currentThread().interrupt();
        Optional<Permit> permit = gate.tryAcquire(gate.ticket(1, false), FOREVER);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(permit).isPresent();
        permit.orElseThrow().close();
        assertThat(gate.stats().active()).isZero();
    }

    @Test
    void aClockThatThrowsLeavesNothingBehind() throws Exception {
        var broken = new AtomicLong();
        var gate = new PersistGate(1, 100, () -> {
            if (broken.get() > 0) {
                throw new IllegalStateException("clock");
            }
            return 0;
        });
        broken.set(1);
        assertThatThrownBy(() -> gate.tryAcquire(gate.ticket(1, false), FOREVER))
                .hasMessage("clock");
        broken.set(0);
        assertThat(gate.stats()).isEqualTo(new Stats(0, 0, 0, Duration.ZERO));
        acquired(gate, gate.ticket(1, false)).close();
    }

    /// Many threads give up, are interrupted, and ask again. Everyone who stays is served, no limit is broken, and
    /// nothing remains.
    @Test
    void aHerdThatTimesOutAndIsInterruptedNeverWedgesTheGate() throws Exception {
        long seed = 42;
        var gate = new PersistGate(4, 1_000, clock);
        var inside = new AtomicInteger();
        var used = new AtomicLong();
        var broken = new AtomicInteger();
        var grants = new AtomicInteger();
        int threads = 24;
        int jobs = 200;
        var start = new CountDownLatch(1);
        try (var pool = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            List<Future<?>> results = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                var random = new Random(seed + t);
                results.add(pool.submit((Callable<Void>) () -> {
                    start.await();
                    for (int job = 0; job < jobs; job++) {
                        int bytes = random.nextInt(700);
                        Ticket ticket = gate.ticket(bytes, false);
                        Optional<Permit> permit = Optional.empty();
                        while (permit.isEmpty()) {
                            if (random.nextInt(4) == 0) {
                                Thread.currentThread().interrupt();
                            }
                            try {
                                permit = gate.tryAcquire(ticket, Duration.ofNanos(random.nextInt(200_000)));
                            } catch (InterruptedException e) {
                                Thread.onSpinWait();
                            }
                        }
                        boolean ok = inside.incrementAndGet() <= 4 && used.addAndGet(bytes) <= 1_000;
                        if (!ok) {
                            broken.incrementAndGet();
                        }
                        grants.incrementAndGet();
                        Thread.onSpinWait();
                        used.addAndGet(-bytes);
                        inside.decrementAndGet();
                        permit.orElseThrow().close();
                    }
                    return null;
                }));
            }
            start.countDown();
            for (Future<?> result : results) {
                result.get(50, TimeUnit.SECONDS);
            }
        }
        assertThat(grants).as("seed %d", seed).hasValue(threads * jobs);
        assertThat(broken).as("limits broken, seed %d", seed).hasValue(0);
        assertThat(gate.stats()).isEqualTo(new Stats(0, 0, 0, Duration.ZERO));
    }

    private static Permit acquired(PersistGate gate, Ticket ticket) throws InterruptedException {
        return gate.tryAcquire(ticket, NOT_AT_ALL).orElseThrow();
    }

    /// Starts a thread that waits, and returns once it does (or has got what it wanted). It runs `inside` with the
    /// permit.
    private static Waiter waiter(PersistGate gate, Ticket ticket, Duration timeout, Runnable inside) {
        int before = gate.stats().waiting();
        var task = new FutureTask<>(() -> {
            Optional<Permit> permit = gate.tryAcquire(ticket, timeout);
            if (permit.isPresent()) {
                try (Permit _ = permit.get()) {
                    inside.run();
                }
            }
            return permit;
        });
        Thread thread = Thread.ofPlatform().start(task);
        while (gate.stats().waiting() == before && !task.isDone()) {
            Thread.onSpinWait();
        }
        return new Waiter(thread, task);
    }

    private record Waiter(Thread thread, FutureTask<Optional<Permit>> task) {
        Optional<Permit> result() throws InterruptedException, ExecutionException {
            return task.get();
        }
    }
}
