package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.WorkQueue.Turn;
import io.sluice.ingester.door.WriteOutcome.Quota;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class WorkQueueTest {
    private static final Duration MAX_WAIT = Duration.ofMillis(100);

    private final AtomicLong nowNs = new AtomicLong();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final AtomicInteger workers = new AtomicInteger();
    /// What has been served, in bytes; negative if it was refused, and 0 if its thread was interrupted.
    private final List<Long> served = new CopyOnWriteArrayList<>();
    private final WorkQueue queue = queue(1, 0);

    private WorkQueue queue(int width, int alwaysPresent) {
        Executor executor = worker -> {
            workers.incrementAndGet();
            var _ = Thread.ofVirtual().start(() -> {
                worker.run();
                workers.decrementAndGet();
            });
        };
        return new WorkQueue(width, alwaysPresent, MAX_WAIT, executor, nowNs::get, metrics);
    }

    /// No worker is left that has nothing to do.
    @AfterEach
    void workersEnd() {
        until(() -> workers.get() == 0);
    }

    private static void until(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            Thread.onSpinWait();
        }
    }

    /// Somebody who works until it is told to end.
    private static final class Held {
        private final CountDownLatch end = new CountDownLatch(1);
        private final CompletableFuture<Turn> turn = new CompletableFuture<>();
        private final Thread thread;

        Held(WorkQueue queue, long bytes) {
            thread = Thread.ofVirtual().start(() -> {
                try {
                    queue.run(bytes, this::work, _ -> false);
                } catch (InterruptedException e) {
                    turn.completeExceptionally(e);
                }
            });
            turn.join();
        }

        private boolean work(Turn begun) {
            turn.complete(begun);
            try {
                end.await();
                return true;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        void end() throws InterruptedException {
            end.countDown();
            thread.join();
        }
    }

    /// Somebody who stands in line behind what is held.
    private Thread newcomer(WorkQueue to, long bytes, Consumer<Turn> work) {
        int before = to.waiting();
        Thread thread = Thread.ofVirtual().start(() -> {
            try {
                served.add(to.run(
                        bytes,
                        turn -> {
                            work.accept(turn);
                            return bytes;
                        },
                        _ -> -bytes));
            } catch (InterruptedException e) {
                served.add(0L);
            }
        });
        until(() -> to.waiting() > before);
        return thread;
    }

    private Thread newcomer(long bytes) {
        return newcomer(queue, bytes, _ -> {});
    }

    private void work(WorkQueue to, long bytes, Duration took) throws InterruptedException {
        assertThat(to.<Boolean>run(
                        bytes,
                        _ -> {
                            nowNs.addAndGet(took.toNanos());
                            return true;
                        },
                        _ -> false))
                .isTrue();
    }

    private void work(long bytes, Duration took) throws InterruptedException {
        work(queue, bytes, took);
    }

    @Test
    void theWaitIsWhatTheBytesBeforeWillTakeAtThePaceOfLate() throws Exception {
        List<Long> order = new CopyOnWriteArrayList<>();
        List<Thread> waiting = new ArrayList<>();
        work(1_000, Duration.ofMillis(10));
        try (WorkQueue.Presence _ = queue.enter()) {
            assertThat(queue.expectedWait()).isZero();
            Held held = new Held(queue, 1);
            assertThat(queue.expectedWait()).as("nobody waits yet").isZero();
            waiting.add(newcomer(queue, 2_000, _ -> order.add(2_000L)));
            waiting.add(newcomer(queue, 3_000, _ -> order.add(3_000L)));
            assertThat(queue.expectedWait()).isEqualTo(Duration.ofMillis(50));
            assertThat(queue.tooLong()).isEmpty();
            waiting.add(newcomer(queue, 100, _ -> order.add(100L)));
            assertThat(queue.tooLong()).contains(new Quota("WORK", "WAIT_MS", 50, 51));
            assertThat(metrics.get("sluice.work.refusals").counter().count()).isEqualTo(1);
            held.end();
            for (Thread thread : waiting) {
                thread.join();
            }
            assertThat(order).as("first come, first served").containsExactly(2_000L, 3_000L, 100L);
            assertThat(queue.expectedWait()).isZero();
            assertThat(queue.tooLong()).isEmpty();
        }
    }

    @Test
    void aLimitThatIsChangedHoldsAtOnce() throws Exception {
        work(1_000, Duration.ofMillis(10));
        try (WorkQueue.Presence _ = queue.enter()) {
            Held held = new Held(queue, 1);
            Thread waiting = newcomer(2_000);
            assertThat(queue.tooLong()).isEmpty();
            queue.reconfigure(Duration.ofMillis(39));
            assertThat(queue.tooLong()).isPresent();
            held.end();
            waiting.join();
        }
    }

    @Test
    void aFewMayBeThereHoweverSlowTheWorkIs() throws Exception {
        WorkQueue patient = queue(1, 1);
        work(patient, 1, Duration.ofHours(1));
        Held held = new Held(patient, 1);
        Thread waiting = newcomer(patient, 1, _ -> {});
        try (WorkQueue.Presence _ = patient.enter()) {
            assertThat(patient.tooLong()).isEmpty();
            WorkQueue.Presence second = patient.enter();
            assertThat(patient.tooLong()).isPresent();
            second.close();
            second.close();
            assertThat(patient.tooLong()).isEmpty();
        }
        nowNs.addAndGet(Duration.ofHours(1).toNanos());
        held.end();
        waiting.join();
        assertThat(served).containsExactly(1L);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, WorkQueue.LONG_BYTES})
    void whoHasWaitedForTooLongIsRefusedAndTheNextOneIsServed(long bytes) throws Exception {
        List<Quota> refusals = new CopyOnWriteArrayList<>();
        try (WorkQueue.Presence _ = queue.enter()) {
            Held held = new Held(queue, 1);
            Thread late = Thread.ofVirtual().start(() -> {
                try {
                    queue.run(bytes, _ -> served.add(1L), refused -> refusals.add(refused));
                } catch (InterruptedException e) {
                    served.add(0L);
                }
            });
            until(() -> queue.waiting() == 1);
            nowNs.addAndGet(Duration.ofMillis(51).toNanos());
            Thread next = newcomer(2);
            nowNs.addAndGet(Duration.ofMillis(50).toNanos());
            held.end();
            late.join();
            next.join();
        }
        assertThat(refusals).containsExactly(new Quota("WORK", "WAIT_MS", 100, 101));
        assertThat(served).containsExactly(2L);
        assertThat(metrics.get("sluice.work.refusals").counter().count()).isEqualTo(1);
    }

    @Test
    void whoWaitsForSomethingElseLetsTheNextOneWorkAndThatTimeIsNoWork() throws Exception {
        Thread first = Thread.ofVirtual().start(() -> {
            try {
                queue.run(1_000, this::workInTwoParts, _ -> false);
            } catch (InterruptedException e) {
                served.add(0L);
            }
        });
        first.join();
        assertThat(served).containsExactly(1L, 2L);
        Held held = new Held(queue, 1);
        Thread waiting = newcomer(1_000);
        assertThat(queue.expectedWait()).isBetween(Duration.ofMillis(9), Duration.ofMillis(10));
        held.end();
        waiting.join();
    }

    private boolean workInTwoParts(Turn turn) {
        try {
            Thread next = newcomer(1);
            nowNs.addAndGet(Duration.ofMillis(4).toNanos());
            turn.pause();
            turn.pause();
            next.join();
            assertThat(served).containsExactly(1L);
            nowNs.addAndGet(Duration.ofHours(1).toNanos());
            turn.resume();
            turn.resume();
            assertThat(queue.free()).isZero();
            nowNs.addAndGet(Duration.ofMillis(6).toNanos());
            turn.pause();
            workAlone();
            return true;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void workAlone() throws InterruptedException {
        Thread last = Thread.ofVirtual().start(() -> {
            try {
                served.add(queue.run(2, _ -> 2L, _ -> -2L));
            } catch (InterruptedException e) {
                served.add(0L);
            }
        });
        last.join();
    }

    @Test
    void whoComesBackStandsInLineLikeAnybodyElse() throws Exception {
        List<String> order = new CopyOnWriteArrayList<>();
        CountDownLatch paused = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Held held = new Held(queue, 1);
        Thread returning = newcomer(queue, 20_000, turn -> {
            turn.pause();
            paused.countDown();
            await(goOn);
            turn.resume();
            order.add("back");
        });
        held.end();
        paused.await();
        Held other = new Held(queue, 1);
        Thread before = newcomer(queue, 1, _ -> order.add("before"));
        goOn.countDown();
        until(() -> queue.waiting() == 2);
        Thread behind = newcomer(queue, 1, _ -> order.add("behind"));
        assertThat(order).isEmpty();
        other.end();
        returning.join();
        before.join();
        behind.join();
        assertThat(order).containsExactly("before", "back", "behind");
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void slowWorkOfLongAgoIsForgotten() throws Exception {
        work(1_000, Duration.ofSeconds(10));
        for (int i = 0; i < 1_000; i++) {
            work(1_000, Duration.ofMillis(1));
        }
        Held held = new Held(queue, 1);
        Thread waiting = newcomer(1_000);
        assertThat(queue.expectedWait()).isBetween(Duration.ofMillis(1), Duration.ofMillis(2));
        held.end();
        waiting.join();
    }

    @ParameterizedTest
    @ValueSource(longs = {2_000, 20_000})
    void whoGivesUpLeavesNothingBehind(long bytes) throws Exception {
        work(1_000, Duration.ofMillis(10));
        Held held = new Held(queue, 1);
        Thread waiting = newcomer(bytes);
        waiting.interrupt();
        waiting.join();
        assertThat(served).containsExactly(0L);
        assertThat(queue.expectedWait()).isZero();
        assertThat(queue.waiting()).isZero();
        held.end();
        work(1, Duration.ZERO);
    }

    @Test
    void whoIsInterruptedWhileTheWorkIsDoneWaitsForItsEnd() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicBoolean isInterrupted = new AtomicBoolean();
        Thread caller = Thread.ofPlatform().start(() -> {
            try {
                served.add(queue.run(
                        WorkQueue.LONG_BYTES,
                        _ -> {
                            begun.countDown();
                            await(goOn);
                            return 7L;
                        },
                        _ -> -1L));
            } catch (InterruptedException e) {
                served.add(0L);
            }
            isInterrupted.set(Thread.currentThread().isInterrupted());
        });
        begun.await();
        caller.interrupt();
        until(() -> !caller.isInterrupted());
        assertThat(served).isEmpty();
        goOn.countDown();
        caller.join();
        assertThat(served).containsExactly(7L);
        assertThat(isInterrupted).isTrue();
    }

    @Test
    void longWorkIsHandedOverAndShortWorkIsNot() throws Exception {
        Function<Turn, Thread> whose = _ -> Thread.currentThread();
        assertThat(queue.run(WorkQueue.LONG_BYTES - 1, whose, _ -> new Thread()))
                .isSameAs(Thread.currentThread());
        assertThat(queue.run(WorkQueue.LONG_BYTES, whose, _ -> new Thread())).isNotSameAs(Thread.currentThread());
        until(() -> queue.free() == 1);
        Held held = new Held(queue, 1);
        AtomicBoolean isOwn = new AtomicBoolean();
        Thread[] caller = new Thread[1];
        caller[0] = newcomer(queue, 1, _ -> isOwn.set(Thread.currentThread().equals(caller[0])));
        held.end();
        caller[0].join();
        assertThat(isOwn).as("though it had to wait").isTrue();
    }

    @Test
    void whatTheWorkThrowsComesToItsCallerAndThePlaceIsFreeAgain() throws Exception {
        for (long bytes : new long[] {1, WorkQueue.LONG_BYTES}) {
            assertThatThrownBy(() -> queue.run(bytes, WorkQueueTest::fail, _ -> false))
                    .isExactlyInstanceOf(IllegalArgumentException.class)
                    .hasMessage("wrong");
            assertThatThrownBy(() -> queue.run(bytes, WorkQueueTest::crash, _ -> false))
                    .isExactlyInstanceOf(AssertionError.class)
                    .hasMessage("broken");
        }
        until(() -> queue.free() == 1);
        work(1, Duration.ZERO);
    }

    private static boolean fail(Turn turn) {
        throw new IllegalArgumentException("wrong");
    }

    private static boolean crash(Turn turn) {
        turn.pause();
        throw new AssertionError("broken");
    }

    @Test
    void whereThereIsNoWorkerTheCallerHearsOfItAndNothingIsLeftBehind() throws Exception {
        AtomicBoolean isShut = new AtomicBoolean(true);
        WorkQueue shut = new WorkQueue(
                1,
                0,
                MAX_WAIT,
                task -> {
                    if (isShut.get()) {
                        throw new RejectedExecutionException("shut");
                    }
                    task.run();
                },
                nowNs::get,
                new SimpleMeterRegistry());
        assertThatThrownBy(() -> shut.run(WorkQueue.LONG_BYTES, _ -> served.add(1L), _ -> false))
                .isInstanceOf(RejectedExecutionException.class);
        assertThat(shut.free()).isEqualTo(1);
        assertThat(shut.waiting()).isZero();
        isShut.set(false);
        work(shut, WorkQueue.LONG_BYTES, Duration.ZERO);
        assertThat(served).isEmpty();
    }

    @Test
    void oneFewerWorkWhileSomethingIsUrgent() throws Exception {
        WorkQueue two = queue(2, 0);
        assertThat(two.free()).isEqualTo(2);
        try (WorkQueue.Urgent one = two.leaveRoom();
                WorkQueue.Urgent _ = two.leaveRoom()) {
            assertThat(two.free()).as("however much is urgent").isEqualTo(1);
            closeTwice(one);
            assertThat(two.free()).as("the other one is").isEqualTo(1);
            Held held = new Held(two, 1);
            Thread waiting = newcomer(two, 1, _ -> {});
            assertThat(served).isEmpty();
            held.end();
            waiting.join();
            assertThat(served).as("the others go on").containsExactly(1L);
        }
        until(() -> two.free() == 2);
    }

    private static void closeTwice(WorkQueue.Urgent urgent) {
        urgent.close();
        urgent.close();
    }

    @Test
    void whoWaitsGoesOnWhenNothingIsUrgentAnyMore() throws Exception {
        WorkQueue two = queue(2, 0);
        WorkQueue.Urgent urgent = two.leaveRoom();
        Held held = new Held(two, 1);
        Thread waiting = newcomer(two, 1, _ -> {});
        urgent.close();
        waiting.join();
        assertThat(served).containsExactly(1L);
        held.end();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, WorkQueue.LONG_BYTES})
    void whatIsUrgentHasThePlaceOfTheTurnThatEndsNext(long bytes) throws Exception {
        WorkQueue two = queue(2, 0);
        Held first = new Held(two, bytes);
        Held second = new Held(two, bytes);
        WorkQueue.Urgent urgent = two.leaveRoom();
        Thread waiting = newcomer(two, bytes, _ -> {});
        first.end();
        until(() -> workers.get() == (bytes < WorkQueue.LONG_BYTES ? 0 : 1));
        assertThat(two.free()).isZero();
        assertThat(two.waiting()).isEqualTo(1);
        second.end();
        waiting.join();
        assertThat(served).containsExactly(bytes);
        until(() -> two.free() == 1);
        urgent.close();
        assertThat(two.free()).isEqualTo(2);
    }

    @Test
    void theWaitIsLongerWhileOneFewerWork() throws Exception {
        WorkQueue two = queue(2, 0);
        work(two, 1_000, Duration.ofMillis(10));
        Held first = new Held(two, 1);
        Held second = new Held(two, 1);
        Thread waiting = newcomer(two, 1_000, _ -> {});
        assertThat(two.expectedWait()).isEqualTo(Duration.ofMillis(5));
        try (WorkQueue.Urgent _ = two.leaveRoom()) {
            assertThat(two.expectedWait()).isEqualTo(Duration.ofMillis(10));
        }
        first.end();
        second.end();
        waiting.join();
    }

    @Test
    void aSinglePlaceIsLeftToNobody() throws Exception {
        try (WorkQueue.Urgent _ = queue.leaveRoom()) {
            work(1, Duration.ZERO);
            work(1, Duration.ZERO);
        }
        assertThat(queue.free()).isEqualTo(1);
    }

    @Test
    void noMoreWorkAtOnceThanThereArePlacesAndNobodyIsForgotten() throws Exception {
        WorkQueue two = queue(2, 0);
        AtomicInteger atOnce = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            SplittableRandom random = new SplittableRandom(i);
            threads.add(Thread.ofVirtual().start(() -> {
                for (int n = 0; n < 500; n++) {
                    boolean isUrgent = random.nextInt(8) == 0;
                    boolean pauses = random.nextInt(4) == 0;
                    try (WorkQueue.Presence _ = two.enter()) {
                        WorkQueue.Urgent urgent = isUrgent ? two.leaveRoom() : null;
                        two.run(
                                random.nextBoolean() ? 1 : WorkQueue.LONG_BYTES,
                                turn -> {
                                    most.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
                                    if (pauses) {
                                        atOnce.decrementAndGet();
                                        turn.pause();
                                        Thread.onSpinWait();
                                        turn.resume();
                                        most.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
                                    }
                                    return atOnce.decrementAndGet();
                                },
                                _ -> -1);
                        if (urgent != null) {
                            urgent.close();
                        }
                    } catch (InterruptedException e) {
                        return;
                    }
                }
                ended.incrementAndGet();
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(ended).hasValue(16);
        assertThat(most.get()).isBetween(1, 2);
        until(() -> two.free() == 2);
        assertThat(two.waiting()).isZero();
        assertThat(two.expectedWait()).isZero();
    }
}
