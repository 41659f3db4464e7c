package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.WriteOutcome.Quota;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class WorkQueueTest {
    private static final Duration MAX_WAIT = Duration.ofMillis(100);

    private final AtomicLong nowNs = new AtomicLong();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final WorkQueue queue = new WorkQueue(1, 0, MAX_WAIT, nowNs::get, metrics);

    /// Somebody who stands in line behind a turn that is taken, and gives his own back at once.
    private Thread newcomer(long bytes, List<Long> served) {
        return newcomer(queue, bytes, served);
    }

    private static Thread newcomer(WorkQueue queue, long bytes, List<Long> served) {
        int before = queue.waiting();
        Thread thread = Thread.ofVirtual().start(() -> {
            try (WorkQueue.Turn _ = queue.await(bytes)) {
                served.add(bytes);
            } catch (InterruptedException e) {
                served.add(-bytes);
            }
        });
        while (queue.waiting() == before) {
            Thread.onSpinWait();
        }
        return thread;
    }

    private void work(long bytes, Duration took) throws InterruptedException {
        try (WorkQueue.Turn _ = queue.await(bytes)) {
            nowNs.addAndGet(took.toNanos());
        }
    }

    @Test
    void theWaitIsWhatTheBytesBeforeWillTakeAtThePaceOfLate() throws Exception {
        work(1_000, Duration.ofMillis(10));
        List<Long> served = new CopyOnWriteArrayList<>();
        List<Thread> waiting = new ArrayList<>();
        assertThat(queue.expectedWait()).isZero();
        WorkQueue.Turn turn = queue.await(1);
        assertThat(queue.expectedWait()).as("nobody waits yet").isZero();
        waiting.add(newcomer(4_000, served));
        waiting.add(newcomer(6_000, served));
        assertThat(queue.expectedWait()).isEqualTo(Duration.ofMillis(100));
        assertThat(queue.tooLong()).isEmpty();
        waiting.add(newcomer(1, served));
        nowNs.addAndGet(Duration.ofMillis(5).toNanos());
        assertThat(queue.tooLong()).contains(new Quota("WORK", "WAIT_MS", 100, 100));
        assertThat(metrics.get("sluice.work.refusals").counter().count()).isEqualTo(1);
        turn.close();
        for (Thread thread : waiting) {
            thread.join();
        }
        assertThat(served).as("first come, first served").containsExactly(4_000L, 6_000L, 1L);
        assertThat(queue.expectedWait()).isZero();
        assertThat(queue.tooLong()).isEmpty();
    }

    @Test
    void aLimitThatIsChangedHoldsAtOnce() throws Exception {
        work(1_000, Duration.ofMillis(10));
        List<Long> served = new CopyOnWriteArrayList<>();
        WorkQueue.Turn turn = queue.await(1);
        Thread waiting = newcomer(2_000, served);
        assertThat(queue.tooLong()).isEmpty();
        queue.reconfigure(Duration.ofMillis(19));
        assertThat(queue.tooLong()).isPresent();
        turn.close();
        waiting.join();
    }

    @Test
    void aFewMayWaitHoweverSlowTheWorkIs() throws Exception {
        WorkQueue patient = new WorkQueue(1, 1, MAX_WAIT, nowNs::get, new SimpleMeterRegistry());
        try (WorkQueue.Turn _ = patient.await(1)) {
            nowNs.addAndGet(Duration.ofHours(1).toNanos());
        }
        assertThat(patient.tooLong()).isEmpty();
    }

    @Test
    @SuppressWarnings("try") // closed before its end on purpose
    void whoWaitsForSomethingElseLetsTheNextOneWorkAndThatTimeIsNoWork() throws Exception {
        List<Long> served = new CopyOnWriteArrayList<>();
        try (WorkQueue.Turn turn = queue.await(1_000)) {
            Thread waiting = newcomer(1, served);
            nowNs.addAndGet(Duration.ofMillis(4).toNanos());
            turn.pause();
            turn.pause();
            waiting.join();
            assertThat(served).containsExactly(1L);
            nowNs.addAndGet(Duration.ofHours(1).toNanos());
            turn.resume();
            turn.resume();
            Thread late = newcomer(2, served);
            nowNs.addAndGet(Duration.ofMillis(6).toNanos());
            assertThat(served).as("the turn is taken again").containsExactly(1L);
            turn.close();
            late.join();
            turn.resume();
        }
        WorkQueue.Turn next = queue.await(1);
        Thread waiting = newcomer(1_000, served);
        assertThat(queue.expectedWait()).isBetween(Duration.ofMillis(9), Duration.ofMillis(10));
        next.close();
        waiting.join();
        work(1, Duration.ZERO);
    }

    @Test
    void slowWorkOfLongAgoIsForgotten() throws Exception {
        work(1_000, Duration.ofSeconds(10));
        for (int i = 0; i < 1_000; i++) {
            work(1_000, Duration.ofMillis(1));
        }
        List<Long> served = new CopyOnWriteArrayList<>();
        WorkQueue.Turn turn = queue.await(1);
        Thread waiting = newcomer(1_000, served);
        assertThat(queue.expectedWait()).isBetween(Duration.ofMillis(1), Duration.ofMillis(2));
        turn.close();
        waiting.join();
    }

    @Test
    void whoGivesUpLeavesNothingBehind() throws Exception {
        work(1_000, Duration.ofMillis(10));
        List<Long> served = new CopyOnWriteArrayList<>();
        WorkQueue.Turn turn = queue.await(1);
        Thread waiting = newcomer(2_000, served);
        waiting.interrupt();
        waiting.join();
        assertThat(served).containsExactly(-2_000L);
        assertThat(queue.expectedWait()).isZero();
        turn.close();
        work(1, Duration.ZERO);
    }

    @Test
    @SuppressWarnings("try") // closed twice on purpose
    void noMoreWorkAtOnceThanThereAreProcessors() throws Exception {
        WorkQueue two = new WorkQueue(2, 0, MAX_WAIT, nowNs::get, new SimpleMeterRegistry());
        AtomicInteger atOnce = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            threads.add(Thread.ofVirtual().start(() -> {
                try (WorkQueue.Turn turn = two.await(1)) {
                    most.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
                    Thread.onSpinWait();
                    atOnce.decrementAndGet();
                    turn.close(); // and again at the end: once only
                } catch (InterruptedException e) {
                    most.set(Integer.MAX_VALUE);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(most.get()).isBetween(1, 2);
    }

    @Test
    @SuppressWarnings("try") // closed twice on purpose
    void oneFewerWorkWhileSomethingIsUrgent() throws Exception {
        WorkQueue two = new WorkQueue(2, 0, MAX_WAIT, nowNs::get, new SimpleMeterRegistry());
        assertThat(two.free()).isEqualTo(2);
        try (WorkQueue.Urgent one = two.leaveRoom();
                WorkQueue.Urgent other = two.leaveRoom()) {
            assertThat(two.free()).as("however much is urgent").isEqualTo(1);
            one.close();
            one.close();
            assertThat(two.free()).as("the other one is").isEqualTo(1);
        }
        assertThat(two.free()).isEqualTo(2);
    }

    @Test
    @SuppressWarnings("try") // closed before its end on purpose
    void whatIsUrgentHasThePlaceOfTheTurnThatEndsNext() throws Exception {
        WorkQueue two = new WorkQueue(2, 0, MAX_WAIT, nowNs::get, new SimpleMeterRegistry());
        try (WorkQueue.Turn first = two.await(1);
                WorkQueue.Turn second = two.await(1)) {
            WorkQueue.Urgent urgent = two.leaveRoom();
            first.close();
            assertThat(two.free()).isZero();
            second.pause();
            assertThat(two.free()).as("the others go on").isEqualTo(1);
            second.resume();
            urgent.close();
            assertThat(two.free()).isEqualTo(1);
        }
        assertThat(two.free()).isEqualTo(2);
    }

    @Test
    @SuppressWarnings("try") // closed before its end on purpose
    void theWaitIsLongerWhileOneFewerWork() throws Exception {
        WorkQueue two = new WorkQueue(2, 0, MAX_WAIT, nowNs::get, new SimpleMeterRegistry());
        try (WorkQueue.Turn _ = two.await(1_000)) {
            nowNs.addAndGet(Duration.ofMillis(10).toNanos());
        }
        List<Long> served = new CopyOnWriteArrayList<>();
        try (WorkQueue.Urgent urgent = two.leaveRoom()) {
            WorkQueue.Turn turn = two.await(1);
            Thread waiting = newcomer(two, 1_000, served);
            assertThat(two.expectedWait()).isEqualTo(Duration.ofMillis(10));
            turn.close();
            waiting.join();
            urgent.close();
        }
        assertThat(served).containsExactly(1_000L);
        try (WorkQueue.Turn first = two.await(1);
                WorkQueue.Turn _ = two.await(1)) {
            Thread waiting = newcomer(two, 1_000, served);
            assertThat(two.expectedWait())
                    .as("as many bytes took no time since")
                    .isBetween(Duration.ofMillis(2), Duration.ofMillis(3));
            first.close();
            waiting.join();
        }
    }

    @Test
    void aSingleSlotIsLeftToNobody() throws Exception {
        try (WorkQueue.Urgent _ = queue.leaveRoom()) {
            work(1, Duration.ZERO);
            work(1, Duration.ZERO);
        }
        assertThat(queue.free()).isEqualTo(1);
    }
}
