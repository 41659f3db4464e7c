package io.sluice.ingester.write;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WritePermit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class InFlightWritesTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final AtomicLong nowNs = new AtomicLong();
    private final InFlightWrites writes = new InFlightWrites(100, 2, nowNs::get, metrics);
    private final List<WritePermit> permits = new ArrayList<>();
    private final List<String> admitted = new ArrayList<>();

    @AfterEach
    void nothingIsLeft() {
        permits.forEach(WritePermit::close);
        assertThat(writes.writes()).isZero();
        assertThat(writes.bytes()).isZero();
        assertThat(writes.waiting()).isZero();
    }

    private WritePermit take(long bytes) {
        WritePermit permit = writes.tryEnter(bytes).orElseThrow();
        permits.add(permit);
        return permit;
    }

    private boolean isRefused(long bytes) {
        Optional<WritePermit> permit = writes.tryEnter(bytes);
        permit.ifPresent(permits::add);
        return permit.isEmpty();
    }

    private Waiting enter(String name, long bytes) {
        return writes.enter(bytes, permit -> {
            permits.add(permit);
            admitted.add(name);
        });
    }

    private double gauge(String name) {
        return metrics.get(name).gauge().value();
    }

    @Test
    void noMoreWritesThanTheLimitAreInFlight() {
        WritePermit first = take(1);
        take(1);
        assertThat(isRefused(1)).isTrue();
        first.close();
        take(1);
        assertThat(isRefused(1)).isTrue();
        assertThat(writes.writes()).isEqualTo(2);
    }

    @Test
    void bytesFillTheirBudgetExactlyAndNotOneMore() {
        take(60);
        assertThat(isRefused(41)).isTrue();
        take(40);
        assertThat(gauge("sluice.inflight.bytes")).isEqualTo(100);
        assertThat(gauge("sluice.inflight.ops")).isEqualTo(2);
        assertThat(gauge("sluice.inflight.limit.bytes")).isEqualTo(100);
        assertThat(gauge("sluice.inflight.limit.ops")).isEqualTo(2);
    }

    @Test
    void aWriteLargerThanTheBudgetGoesAlone() {
        WritePermit large = take(1_000);
        assertThat(isRefused(0)).isTrue();
        large.close();
        WritePermit small = take(1);
        assertThat(isRefused(1_000)).isTrue();
        enter("large", Long.MAX_VALUE);
        assertThat(admitted).isEmpty();
        small.close();
        assertThat(admitted).containsExactly("large");
        assertThat(isRefused(0)).isTrue();
    }

    @Test
    void streamsThatAreSlowedDownGiveWayToOthersAndComeInAsTheyAreLet() {
        writes.reconfigure(100, 10);
        writes.slowStreams();
        enter("a", 30);
        enter("b", 30);
        Waiting gone = enter("c", 30);
        enter("d", 30);
        assertThat(admitted).isEmpty();
        assertThat(gauge("sluice.inflight.held")).isEqualTo(4);
        assertThat(writes.waitingBytes()).isEqualTo(120);
        WritePermit alone = take(70);
        assertThat(gone.cancel()).isTrue();
        assertThat(gone.cancel()).as("once").isFalse();
        assertThat(writes.waitingBytes()).isEqualTo(90);
        writes.letHeldIn(0);
        assertThat(admitted).isEmpty();
        writes.letHeldIn(1);
        assertThat(admitted).as("one at least").containsExactly("a");
        writes.letHeldIn(30);
        assertThat(admitted).as("there is no room").containsExactly("a");
        assertThat(writes.waiting()).isEqualTo(1);
        alone.close();
        assertThat(admitted).containsExactly("a", "b");
        writes.letStreamsGo();
        assertThat(admitted).containsExactly("a", "b", "d");
        assertThat(writes.waitingBytes()).isZero();
        permits.getFirst().close();
        enter("e", 1);
        assertThat(admitted).as("not slow any more").endsWith("e");
    }

    @Test
    void whatStreamsHoldBackDoesNotKeepOthersFromWaiting() throws InterruptedException {
        writes.slowStreams();
        Waiting held = enter("held", 1_000);
        take(100);
        assertThat(writes.awaitEnter(100, Duration.ofNanos(1))).isEmpty();
        assertThat(metrics.get("sluice.inflight.wait")
                        .tag("result", "gave_up")
                        .timer()
                        .count())
                .as("it waited, and was not refused at once")
                .isEqualTo(1);
        writes.letStreamsGo();
        assertThat(admitted).isEmpty();
        assertThat(held.cancel()).isTrue();
    }

    @Test
    @DisplayName("Invariant 7: what waits is bounded in bytes, and one may always wait")
    void onlySoManyBytesOfStreamsMayWait() {
        writes.limitWaiting(50);
        take(100);
        assertThat(writes.mayWait(1_000)).as("the first").isTrue();
        Waiting first = enter("a", 30);
        assertThat(writes.mayWait(20)).isTrue();
        assertThat(writes.mayWait(21)).isFalse();
        writes.slowStreams();
        Waiting held = enter("b", 10);
        assertThat(writes.mayWait(10)).isTrue();
        assertThat(writes.mayWait(11)).as("held back is waiting, too").isFalse();
        assertThat(first.cancel()).isTrue();
        assertThat(writes.mayWait(40)).isTrue();
        assertThat(held.cancel()).isTrue();
        writes.letStreamsGo();
    }

    @Test
    void aLookIsDueEachTimeThatSoManyBytesCameIn() {
        AtomicInteger looks = new AtomicInteger();
        writes.lookEvery(100, looks::incrementAndGet);
        take(60).close();
        writes.lookIfDue();
        assertThat(looks).hasValue(0);
        take(40).close();
        assertThat(writes.isLookDue()).isTrue();
        assertThat(looks)
                .as("not by who comes in, whose thread may not be blocked")
                .hasValue(0);
        writes.lookIfDue();
        assertThat(looks).hasValue(1);
        take(99).close();
        assertThat(writes.isLookDue()).isFalse();
        enter("stream", 1);
        writes.lookIfDue();
        writes.lookIfDue();
        assertThat(looks).hasValue(2);
    }

    @Test
    void nobodyPassesOneWhoWaitsHoweverLittleHeAsksFor() {
        WritePermit first = take(60);
        enter("large", 80);
        enter("small", 1);
        assertThat(isRefused(1)).isTrue();
        assertThat(admitted).isEmpty();
        assertThat(gauge("sluice.inflight.waiting")).isEqualTo(2);
        first.close();
        assertThat(admitted).containsExactly("large", "small");
        assertThat(gauge("sluice.inflight.waiting")).isZero();
    }

    @Test
    void whoGivesUpLetsThoseBehindHimIn() {
        WritePermit first = take(60);
        Waiting large = enter("large", 80);
        Waiting small = enter("small", 40);
        nowNs.set(5_000_000);
        assertThat(large.cancel()).isTrue();
        assertThat(admitted).containsExactly("small");
        assertThat(large.cancel()).as("a second time").isFalse();
        assertThat(small.cancel()).as("who is in").isFalse();
        first.close();
        assertThat(admitted).containsExactly("small");
        for (String result : List.of("admitted", "gave_up")) {
            var timer =
                    metrics.get("sluice.inflight.wait").tag("result", result).timer();
            assertThat(timer.count()).as(result).isEqualTo(1);
            assertThat(timer.totalTime(TimeUnit.MILLISECONDS)).as(result).isEqualTo(5);
        }
    }

    @Test
    void higherLimitsLetInWhoWaitsAtOnceAndLowerOnesPutNobodyOut() {
        take(60);
        enter("a", 60);
        enter("b", 60);
        writes.reconfigure(120, 2);
        assertThat(admitted).containsExactly("a");
        writes.reconfigure(1_000, 3);
        assertThat(admitted).containsExactly("a", "b");
        writes.reconfigure(1, 1);
        assertThat(writes.bytes()).isEqualTo(180);
        enter("c", 1);
        permits.get(0).close();
        permits.get(1).close();
        assertThat(admitted).containsExactly("a", "b");
        permits.get(2).close();
        assertThat(admitted).containsExactly("a", "b", "c");
        assertThatThrownBy(() -> writes.reconfigure(0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writes.reconfigure(1, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aPermitGivenBackTwiceCountsOnce() {
        take(10);
        WritePermit closedTwice = take(20);
        closedTwice.close();
        closedTwice.close();
        assertThat(writes.writes()).isEqualTo(1);
        assertThat(writes.bytes()).isEqualTo(10);
    }

    @Test
    void aRefusalSaysLimitsAndUse() {
        take(30);
        assertThat(writes.describeLimit())
                .contains("30 of 100 bytes (--inflight-bytes)")
                .contains("1 of 2 writes (--inflight-ops)");
    }

    @Test
    void whoBlocksIsLetInWhenThereIsRoomAndNotBefore() throws Exception {
        WritePermit first = take(100);
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            Future<Optional<WritePermit>> blocked = other.submit(() -> writes.awaitEnter(1, LONG));
            awaitWaiting(1);
            assertThat(blocked.isDone()).isFalse();
            first.close();
            permits.add(blocked.get().orElseThrow());
        }
    }

    @Test
    void whoBlocksInVainLeavesNoTrace() throws Exception {
        take(100);
        assertThat(writes.awaitEnter(1, Duration.ZERO)).isEmpty();
        assertThat(writes.awaitEnter(1, Duration.ofNanos(1))).isEmpty();
        assertThat(writes.waiting()).isZero();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> writes.awaitEnter(1, LONG)).isInstanceOf(InterruptedException.class);
        assertThat(writes.waiting()).isZero();
    }

    @Test
    @DisplayName("Invariant 7: as much may wait, blocked, as may be in flight, and what is more is refused at once")
    void whoWouldWaitBehindAFullBudgetOfOthersIsRefusedAtOnce() throws Exception {
        WritePermit first = take(100);
        Waiting bytes = enter("bytes", 70);
        assertThat(writes.awaitEnter(31, LONG)).isEmpty();
        Waiting ops = enter("ops", 0);
        assertThat(writes.awaitEnter(0, LONG)).isEmpty();
        assertThat(ops.cancel()).isTrue();
        assertThat(bytes.cancel()).isTrue();
        first.close();
    }

    @Test
    void waitingForNoneEndsAtOnceIfNoneIsInFlightAndInVainIfOneStays() throws InterruptedException {
        assertThat(writes.awaitNone(Duration.ZERO)).isTrue();
        WritePermit one = take(1);
        assertThat(writes.awaitNone(Duration.ZERO)).isFalse();
        one.close();
        assertThat(writes.awaitNone(Duration.ZERO)).isTrue();
    }

    @Test
    void whoeverWaitsForNoneIsWokenByTheLastPermit() throws InterruptedException {
        WritePermit last = take(1);
        Thread other = new Thread(last::close, "closer");
        other.start();
        assertThat(writes.awaitNone(LONG)).isTrue();
        other.join();
    }

    private void awaitWaiting(int count) {
        while (writes.waiting() < count) {
            Thread.onSpinWait();
        }
    }

    /// The rules once more, as plainly as they can be said: whenever something changes, the first in the queue goes
    /// in for as long as it fits.
    private static final class Model {
        private record One(int name, long bytes) {}

        private final List<One> in = new ArrayList<>();
        private final List<One> queue = new ArrayList<>();
        private final List<Integer> everIn = new ArrayList<>();
        private long limitBytes = 100;
        private int limitOps = 4;

        void change(Runnable change) {
            change.run();
            while (!queue.isEmpty()) {
                One first = queue.getFirst();
                long used = in.stream().mapToLong(One::bytes).sum();
                boolean fits = in.size() < limitOps && used + first.bytes() <= limitBytes;
                if (!in.isEmpty() && !fits) {
                    return;
                }
                in.add(queue.removeFirst());
                everIn.add(first.name());
            }
        }
    }

    @Test
    void theBudgetDoesWhatAPlainQueueDoesWhateverHappensToIt() {
        for (long seed = 1; seed <= 300; seed++) {
            Random random = new Random(seed);
            Model model = new Model();
            InFlightWrites budget = new InFlightWrites(100, 4, () -> 0, new SimpleMeterRegistry());
            List<Integer> everIn = new ArrayList<>();
            List<CompletableFuture<WritePermit>> rooms = new ArrayList<>();
            List<Waiting> places = new ArrayList<>();
            for (int step = 0; step < 300; step++) {
                String what = "seed %d, step %d".formatted(seed, step);
                switch (random.nextInt(7)) {
                    case 0, 1, 2 -> {
                        int name = rooms.size();
                        long bytes = random.nextInt(10) == 0 ? 150L : random.nextInt(60);
                        model.change(() -> model.queue.add(new Model.One(name, bytes)));
                        CompletableFuture<WritePermit> room = new CompletableFuture<>();
                        rooms.add(room);
                        places.add(budget.enter(bytes, permit -> {
                            everIn.add(name);
                            room.complete(permit);
                        }));
                    }
                    case 3, 4 -> {
                        if (!model.in.isEmpty()) {
                            Model.One leaves = model.in.get(random.nextInt(model.in.size()));
                            model.change(() -> model.in.remove(leaves));
                            rooms.get(leaves.name()).join().close();
                        }
                    }
                    case 5 -> {
                        if (!rooms.isEmpty()) {
                            int name = random.nextInt(rooms.size());
                            boolean waits = model.queue.stream().anyMatch(one -> one.name() == name);
                            model.change(() -> model.queue.removeIf(one -> one.name() == name));
                            assertThat(places.get(name).cancel()).as(what).isEqualTo(waits);
                        }
                    }
                    default -> {
                        long limitBytes = random.nextLong(1, 201);
                        int limitOps = 1 + random.nextInt(8);
                        model.change(() -> {
                            model.limitBytes = limitBytes;
                            model.limitOps = limitOps;
                        });
                        budget.reconfigure(limitBytes, limitOps);
                    }
                }
                assertThat(everIn).as(what).isEqualTo(model.everIn);
                assertThat(budget.writes()).as(what).isEqualTo(model.in.size());
                assertThat(budget.waiting()).as(what).isEqualTo(model.queue.size());
                assertThat(budget.bytes())
                        .as(what)
                        .isEqualTo(model.in.stream().mapToLong(Model.One::bytes).sum());
            }
        }
    }

    /// Eight threads ask, wait, give up and leave at random. Each counts itself in behind the permit and out before it
    /// gives it back, so that the counts are never higher than what is in flight.
    @Test
    @DisplayName("Invariant 7: never more than the limits are in flight, nobody starves, and it ends at zero")
    void theLimitsHoldUnderContentionAndNobodyStarves() throws Exception {
        int threads = 8;
        long limitBytes = 1_000;
        int limitOps = 5;
        InFlightWrites budget = new InFlightWrites(limitBytes, limitOps, System::nanoTime, new SimpleMeterRegistry());
        AtomicLong packed = new AtomicLong(); // writes in the high half, bytes in the low one
        CyclicBarrier together = new CyclicBarrier(threads);
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            List<Future<Integer>> all = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                long seed = thread;
                all.add(executor.submit(() -> {
                    Random random = new Random(seed);
                    together.await(1, TimeUnit.MINUTES);
                    int done = 0;
                    for (int i = 0; i < 3_000; i++) {
                        long bytes = random.nextInt(20) == 0 ? 2_000L : random.nextInt(400);
                        CompletableFuture<WritePermit> room = new CompletableFuture<>();
                        Optional<WritePermit> permit;
                        if (random.nextBoolean()) {
                            Waiting place = budget.enter(bytes, room::complete);
                            permit = random.nextInt(3) == 0 && place.cancel()
                                    ? Optional.empty()
                                    : Optional.of(room.get(1, TimeUnit.MINUTES));
                        } else {
                            permit = budget.awaitEnter(bytes, random.nextInt(3) == 0 ? Duration.ofNanos(1) : LONG);
                        }
                        if (permit.isPresent()) {
                            long now = packed.addAndGet((1L << 32) + bytes);
                            long opsNow = now >>> 32;
                            long bytesNow = now & 0xffff_ffffL;
                            assertThat(opsNow).as("seed %d", seed).isLessThanOrEqualTo(limitOps);
                            assertThat(opsNow == 1 || bytesNow <= limitBytes)
                                    .as("seed %d: %d bytes of %d writes", seed, bytesNow, opsNow)
                                    .isTrue();
                            packed.addAndGet(-((1L << 32) + bytes));
                            permit.get().close();
                            done++;
                        }
                    }
                    return done;
                }));
            }
            for (Future<Integer> one : all) {
                assertThat(one.get(1, TimeUnit.MINUTES)).isPositive();
            }
        }
        assertThat(packed).hasValue(0);
        assertThat(budget.writes()).isZero();
        assertThat(budget.bytes()).isZero();
        assertThat(budget.waiting()).isZero();
    }
}
