package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PersistQueueTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    private final BufferAllocator allocator = new RootAllocator();
    private final ManualClock clock = new ManualClock();
    private final List<PersistJob> jobs = Collections.synchronizedList(new ArrayList<>());
    private final List<Boolean> announced = Collections.synchronizedList(new ArrayList<>());
    private final List<Duration> waits = new ArrayList<>();

    @AfterEach
    void noMemoryIsLeft() {
        jobs.forEach(PersistJob::close);
        allocator.close();
    }

    @Test
    void jobsOfALaneLeaveItAsTheyCame() throws InterruptedException {
        var queue = queue(1, 10);
        PersistJob a = job("a", 1);
        PersistJob b = job("b", 1);
        PersistJob a2 = job("a", 2);
        List.of(a, b, a2).forEach(queue::offer);

        assertThat(List.of(take(queue), take(queue), take(queue))).containsExactly(a, b, a2);
    }

    @Test
    void aFullQueueIsSaturatedUntilHalfOfItIsFree() throws InterruptedException {
        var queue = queue(1, 5);
        for (int i = 1; i <= 4; i++) {
            queue.offer(job("a", i));
        }
        assertThat(queue.isSaturated()).isFalse();
        queue.offer(job("a", 5));
        assertThat(queue.isSaturated()).isTrue();
        assertThat(queue.offer(job("a", 6))).as("taken beyond full").isTrue();

        for (int left = 5; left >= 3; left--) {
            queue.finish(take(queue));
            assertThat(queue.isSaturated()).as("%d of 5 left", left).isTrue();
        }
        queue.finish(take(queue));
        assertThat(queue.isSaturated()).as("2 of 5 left").isFalse();
        assertThat(announced).containsExactly(true, false);
    }

    @Test
    void anotherDepthCountsAtOnce() throws InterruptedException {
        var queue = queue(1, 5);
        for (int i = 1; i <= 4; i++) {
            queue.offer(job("a", i));
        }
        queue.reconfigure(4);
        assertThat(queue.isSaturated()).isTrue();
        assertThat(queue.depthLimit()).isEqualTo(4);
        queue.reconfigure(7);
        assertThat(queue.isSaturated()).as("4 of 7: not yet half free").isTrue();
        queue.reconfigure(8);
        assertThat(queue.isSaturated()).as("4 of 8").isFalse();
        assertThat(announced).containsExactly(true, false);
    }

    @Test
    void aJobUnderWayCountsUntilItIsFinished() throws InterruptedException {
        var queue = queue(1, 1);
        queue.offer(job("a", 1));
        PersistJob taken = take(queue);
        assertThat(queue.isSaturated()).isTrue();
        queue.finish(taken);
        assertThat(queue.isSaturated()).isFalse();
    }

    @Test
    void whoAwaitsCapacityGoesOnWhenHalfIsFree() throws Exception {
        var queue = queue(1, 2);
        queue.offer(job("a", 1));
        queue.offer(job("a", 2));
        try (var pool = Executors.newSingleThreadExecutor()) {
            Future<Boolean> waiting = pool.submit(queue::awaitCapacity);
            queue.finish(take(queue));
            assertThat(waiting.get()).isTrue();
        }
    }

    @Test
    void whoAwaitsCapacityLearnsThatTheQueueIsClosed() throws Exception {
        var queue = queue(1, 1);
        queue.offer(job("a", 1));
        try (var pool = Executors.newSingleThreadExecutor()) {
            Future<Boolean> waiting = pool.submit(queue::awaitCapacity);
            assertThat(queue.close()).hasSize(1);
            assertThat(waiting.get()).isFalse();
        }
        assertThat(queue.offer(job("a", 2))).isFalse();
    }

    @Test
    void aPausedLaneServesTheFailedJobFirstAndOnlyAfterTheDelay() throws InterruptedException {
        var queue = queue(1, 10);
        PersistJob failed = job("a", 1);
        queue.offer(failed);
        queue.offer(job("b", 1));
        queue.pause(take(queue), LONG);

        assertThat(take(queue)).isSameAs(failed);
        assertThat(waits).containsExactly(LONG);
    }

    @Test
    void aParkedPartitionLetsTheOthersOfItsLanePass() throws InterruptedException {
        var queue = queue(1, 10);
        PersistJob a1 = job("a", 1);
        PersistJob a2 = job("a", 2);
        PersistJob b = job("b", 1);
        PersistJob a3 = job("a", 3);
        List.of(a1, a2, b).forEach(queue::offer);
        assertThat(take(queue)).isSameAs(a1);
        queue.park(a1, LONG);
        queue.offer(a3);

        assertThat(take(queue)).isSameAs(b);
        assertThat(waits).isEmpty();
        assertThat(List.of(take(queue), take(queue), take(queue))).containsExactly(a1, a2, a3);
        assertThat(waits).containsExactly(LONG);
    }

    @Test
    void followersOfAParkedJobStayBehindItWhenItIsParkedAgain() throws InterruptedException {
        var queue = queue(1, 10);
        PersistJob a1 = job("a", 1);
        PersistJob a2 = job("a", 2);
        queue.offer(a1);
        queue.park(take(queue), LONG);
        queue.offer(a2);
        assertThat(take(queue)).isSameAs(a1);
        queue.park(a1, LONG);
        assertThat(List.of(take(queue), take(queue))).containsExactly(a1, a2);
        assertThat(waits).containsExactly(LONG, LONG);
    }

    /// If a follower were persisted, persisted-through would pass the rows of the one that failed (invariant 3).
    @Test
    void drainingNeverServesTheFollowersOfAFailedJob() throws InterruptedException {
        var queue = queue(1, 10);
        PersistJob a1 = job("a", 1);
        PersistJob a2 = job("a", 2);
        PersistJob b = job("b", 1);
        List.of(a1, a2, b).forEach(queue::offer);
        queue.drain();
        assertThat(take(queue)).isSameAs(a1);
        queue.park(a1, LONG);

        assertThat(take(queue)).isSameAs(b);
        queue.finish(b);
        assertThat(queue.take(0)).isEmpty();
        queue.awaitDrained(Duration.ofDays(1000));
        assertThat(queue.close()).containsExactly(a1, a2);
    }

    @Test
    void drainingTriesAtOnceWhatWaited() throws InterruptedException {
        var queue = queue(1, 10);
        PersistJob a1 = job("a", 1);
        PersistJob b1 = job("b", 1);
        queue.offer(a1);
        queue.park(take(queue), LONG);
        queue.offer(b1);
        queue.pause(take(queue), LONG);

        queue.drain();

        assertThat(List.of(take(queue), take(queue))).containsExactlyInAnyOrder(a1, b1);
        assertThat(queue.offer(job("c", 1))).isFalse();
        assertThat(waits).isEmpty();
    }

    @Test
    void aClosedQueueTakesNothingBack() throws InterruptedException {
        var queue = queue(1, 10);
        queue.offer(job("a", 1));
        PersistJob taken = take(queue);
        assertThat(queue.close()).isEmpty();
        assertThat(queue.pause(taken, LONG)).isFalse();
        assertThat(queue.park(taken, LONG)).isFalse();
        assertThat(queue.take(0)).isEmpty();
    }

    @Test
    void ordersOfAllPartitionsHoldUnderLoad() throws Exception {
        int lanes = 4;
        int producers = 3;
        int partitions = 20;
        int rounds = 60;
        var queue = queue(lanes, 30);
        var lastSeen = new HashMap<String, Long>();
        var wrong = new AtomicInteger();
        var finished = new CountDownLatch(producers * partitions * rounds);
        List<Future<?>> threads = new ArrayList<>();
        try (var pool = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            for (int i = 0; i < lanes; i++) {
                int lane = i;
                threads.add(pool.submit(() -> {
                    int taken = 0;
                    while (true) {
                        var next = queue.take(lane);
                        if (next.isEmpty()) {
                            return null;
                        }
                        PersistJob job = next.get();
                        taken++;
                        if (taken % 7 == 0) {
                            queue.park(job, Duration.ofNanos(taken));
                        } else if (taken % 11 == 0) {
                            queue.pause(job, Duration.ofNanos(taken));
                        } else {
                            synchronized (lastSeen) {
                                String key = job.request().key().value();
                                long number = job.request().maxSequence().value();
                                if (lastSeen.getOrDefault(key, 0L) + 1 != number) {
                                    wrong.incrementAndGet();
                                }
                                lastSeen.put(key, number);
                            }
                            queue.finish(job);
                            finished.countDown();
                        }
                    }
                }));
            }
            for (int p = 0; p < producers; p++) {
                int producer = p;
                threads.add(pool.submit(() -> {
                    for (int round = 1; round <= rounds; round++) {
                        for (int key = 0; key < partitions; key++) {
                            queue.offer(job(producer + "-" + key, round));
                        }
                    }
                    return null;
                }));
            }
            finished.await();
            queue.drain();
            for (Future<?> thread : threads) {
                thread.get();
            }
        }
        assertThat(wrong).hasValue(0);
        assertThat(lastSeen).hasSize(producers * partitions);
        assertThat(Map.copyOf(lastSeen).values()).containsOnly((long) rounds);
        assertThat(queue.isSaturated()).isFalse();
        assertThat(announced).as("in order").startsWith(true).endsWith(false);
        for (int i = 1; i < announced.size(); i++) {
            assertThat(announced.get(i)).isNotEqualTo(announced.get(i - 1));
        }
    }

    // Waiting for a time makes it come.
    private PersistQueue queue(int lanes, int depth) {
        return new PersistQueue(
                lanes,
                depth,
                clock,
                (_, nanos) -> {
                    waits.add(Duration.ofNanos(nanos));
                    clock.advance(Duration.ofNanos(nanos));
                },
                announced::add);
    }

    private static PersistJob take(PersistQueue queue) throws InterruptedException {
        return queue.take(0).orElseThrow();
    }

    private PersistJob job(String key, long sequence) {
        var job = new PersistJob(Rows.request(allocator, Rows.schema(1), key, sequence, sequence), clock, clock);
        jobs.add(job);
        return job;
    }
}
