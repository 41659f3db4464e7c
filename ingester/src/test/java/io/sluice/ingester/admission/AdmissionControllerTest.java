package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.model.NamespaceName;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Who is let in, and where he is counted.
final class AdmissionControllerTest {
    private static final NamespaceName N = new NamespaceName("n");
    private static final NamespaceName OTHER = new NamespaceName("other");

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final AtomicLong nowNs = new AtomicLong();
    private final RetryDelays delays = new RetryDelays(() -> 0.5);
    private final List<AdmissionPermit> permits = new ArrayList<>();

    @AfterEach
    void noPlaceIsLost() {
        permits.forEach(AdmissionPermit::close);
        metrics.find("sluice.admission.current")
                .gauges()
                .forEach(gauge ->
                        assertThat(gauge.value()).as("%s", gauge.getId()).isZero());
        metrics.find("sluice.admission.stuck")
                .gauges()
                .forEach(gauge ->
                        assertThat(gauge.value()).as("%s", gauge.getId()).isZero());
    }

    private AdmissionController of(int writeNew, int writeExisting) {
        return of(writeNew, writeExisting, 0);
    }

    private AdmissionController of(int writeNew, int writeExisting, int namespaceWrites) {
        return new AdmissionController(
                new AdmissionLimits(writeNew, writeExisting, 1, 2, 3, namespaceWrites), delays, nowNs::get, metrics);
    }

    private static Optional<AdmissionPermit> permit(Admission admission) {
        return switch (admission) {
            case Admission.Admitted(AdmissionPermit permit) -> Optional.of(permit);
            case Admission.Rejected _ -> Optional.empty();
        };
    }

    private static Refused refused(Admission admission) {
        return switch (admission) {
            case Admission.Admitted _ -> throw new AssertionError("was let in");
            case Admission.Rejected(Refused why) -> why;
        };
    }

    private AdmissionPermit take(AdmissionController controller, Bucket bucket) {
        AdmissionPermit permit = permit(controller.tryAdmit(bucket)).orElseThrow();
        permits.add(permit);
        return permit;
    }

    private static int count(AdmissionController controller, Bucket bucket) {
        return controller.stats().buckets().stream()
                .filter(statistics -> statistics.bucket() == bucket)
                .findFirst()
                .orElseThrow()
                .current();
    }

    private double gauge(String name, Bucket bucket) {
        return metrics.get(name)
                .tags("pool", bucket.pool().name(), "bucket", bucket.name())
                .gauge()
                .value();
    }

    private double counter(String name, Bucket bucket, String result) {
        return metrics.get(name)
                .tags("pool", bucket.pool().name(), "bucket", bucket.name(), "result", result)
                .functionCounter()
                .count();
    }

    /// Runs all at the same moment.
    private static <T> List<T> race(List<Callable<T>> racers) throws Exception {
        CyclicBarrier start = new CyclicBarrier(racers.size());
        List<T> results = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<T>> futures = new ArrayList<>();
            for (Callable<T> racer : racers) {
                futures.add(threads.submit(() -> {
                    start.await();
                    return racer.call();
                }));
            }
            for (Future<T> future : futures) {
                results.add(future.get(1, TimeUnit.MINUTES));
            }
        }
        return results;
    }

    @Test
    void exactlyAsManyAreLetInAsMayBeAndAgainWhenOneHasLeft() {
        AdmissionController controller = of(2, 3);
        take(controller, Bucket.NEW);
        AdmissionPermit second = take(controller, Bucket.NEW);
        assertThat(controller.isFull(Bucket.NEW)).isTrue();
        Refused refused = refused(controller.tryAdmit(Bucket.NEW));
        assertThat(refused.reason()).isEqualTo(Reason.ADMISSION_LIMIT);
        assertThat(refused.quota()).contains(new Quota("WRITE", "NEW", 2, 2));
        assertThat(refused.message())
                .isEqualTo("2 writes that need the catalog are under way, and 2 may be (--admission-write-new)");
        second.close();
        take(controller, Bucket.NEW);
    }

    @Test
    void bucketsAndPoolsAreIndependent() {
        AdmissionController controller = of(1, 1);
        for (Bucket bucket : Bucket.values()) {
            while (!controller.isFull(bucket)) {
                take(controller, bucket);
            }
        }
        assertThat(controller.stats().buckets())
                .extracting(AdmissionStatistics.BucketStatistics::current)
                .containsExactly(1, 1, 1, 2, 3);
        for (Bucket bucket : Bucket.values()) {
            assertThat(refused(controller.tryAdmit(bucket))
                            .quota()
                            .orElseThrow()
                            .bucket())
                    .isEqualTo(bucket.name());
        }
        permits.removeFirst().close();
        assertThat(controller.isFull(Bucket.NEW)).isFalse();
        assertThat(controller.isFull(Bucket.EXISTING)).isTrue();
    }

    @Test
    void ofTwentyThatRaceForTenPlacesTenAreLetIn() throws Exception {
        for (int round = 0; round < 20; round++) {
            AdmissionController controller = new AdmissionController(
                    new AdmissionLimits(10, 1, 1, 1, 1, 0), delays, nowNs::get, new SimpleMeterRegistry());
            List<Callable<Optional<AdmissionPermit>>> racers = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                racers.add(() -> permit(controller.tryAdmit(Bucket.NEW)));
            }
            List<AdmissionPermit> in =
                    race(racers).stream().flatMap(Optional::stream).toList();
            assertThat(in).hasSize(10);
            assertThat(count(controller, Bucket.NEW)).isEqualTo(10);
            in.forEach(AdmissionPermit::close);
            assertThat(count(controller, Bucket.NEW)).isZero();
        }
    }

    @Test
    void ofTenThatRaceToMoveToFivePlacesFiveMoveAndTheOthersStayWhereTheyWere() throws Exception {
        for (int round = 0; round < 20; round++) {
            AdmissionController controller = new AdmissionController(
                    new AdmissionLimits(10, 5, 1, 1, 1, 0), delays, nowNs::get, new SimpleMeterRegistry());
            List<AdmissionPermit> in = new ArrayList<>();
            List<Callable<Boolean>> racers = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                AdmissionPermit permit = permit(controller.tryAdmit(Bucket.NEW)).orElseThrow();
                in.add(permit);
                racers.add(() -> permit.trySwap(Bucket.EXISTING));
            }
            assertThat(race(racers).stream().filter(moved -> moved)).hasSize(5);
            assertThat(count(controller, Bucket.NEW)).isEqualTo(5);
            assertThat(count(controller, Bucket.EXISTING)).isEqualTo(5);
            assertThat(in.stream().filter(permit -> permit.bucket() == Bucket.EXISTING))
                    .hasSize(5);
            in.forEach(AdmissionPermit::close);
            assertThat(count(controller, Bucket.NEW)).isZero();
            assertThat(count(controller, Bucket.EXISTING)).isZero();
        }
    }

    @Test
    void movesThatAreDeclinedLetNobodyInAboveTheLimitOfWhereTheyCameFrom() throws Exception {
        int limit = 50;
        for (int round = 0; round < 20; round++) {
            AdmissionController controller = new AdmissionController(
                    new AdmissionLimits(limit, 1, 1, 1, 1, 0), delays, nowNs::get, new SimpleMeterRegistry());
            AdmissionPermit full = permit(controller.tryAdmit(Bucket.EXISTING)).orElseThrow();
            List<AdmissionPermit> in = new ArrayList<>();
            List<Callable<Boolean>> racers = new ArrayList<>();
            AtomicInteger most = new AtomicInteger();
            for (int i = 0; i < limit; i++) {
                AdmissionPermit permit = permit(controller.tryAdmit(Bucket.NEW)).orElseThrow();
                in.add(permit);
                racers.add(() -> permit.trySwap(Bucket.EXISTING));
                racers.add(() -> {
                    boolean letIn = permit(controller.tryAdmit(Bucket.NEW)).isPresent();
                    most.accumulateAndGet(count(controller, Bucket.NEW), Math::max);
                    return letIn;
                });
            }
            assertThat(race(racers)).containsOnly(false);
            assertThat(most.get()).isEqualTo(limit);
            in.forEach(AdmissionPermit::close);
            full.close();
            assertThat(count(controller, Bucket.NEW)).isZero();
        }
    }

    @Test
    void aMoveThatIsDeclinedChangesNothingAndIsCountedAsStuckUntilTheEnd() {
        AdmissionController controller = of(2, 1);
        AdmissionPermit occupant = take(controller, Bucket.EXISTING);
        AdmissionPermit stuck = take(controller, Bucket.NEW);
        assertThat(stuck.trySwap(Bucket.EXISTING)).isFalse();
        assertThat(stuck.trySwap(Bucket.EXISTING)).isFalse();
        assertThat(stuck.bucket()).isEqualTo(Bucket.NEW);
        assertThat(gauge("sluice.admission.stuck", Bucket.NEW)).isEqualTo(1);
        assertThat(counter("sluice.admission.swap", Bucket.EXISTING, "declined"))
                .isEqualTo(2);
        occupant.close();
        assertThat(stuck.trySwap(Bucket.EXISTING)).isTrue();
        assertThat(gauge("sluice.admission.stuck", Bucket.NEW)).isZero();
        AdmissionPermit again = take(controller, Bucket.NEW);
        assertThat(again.trySwap(Bucket.EXISTING)).isFalse();
        again.close();
        assertThat(gauge("sluice.admission.stuck", Bucket.NEW)).isZero();
    }

    @Test
    void whoNeedsTheCatalogAfterAllMovesBackOrIsDeclined() {
        AdmissionController controller = of(1, 2);
        AdmissionPermit first = take(controller, Bucket.EXISTING);
        AdmissionPermit second = take(controller, Bucket.EXISTING);
        assertThat(first.trySwap(Bucket.NEW)).isTrue();
        assertThat(second.trySwap(Bucket.NEW)).isFalse();
        assertThat(count(controller, Bucket.NEW)).isEqualTo(1);
        assertThat(count(controller, Bucket.EXISTING)).isEqualTo(1);
        assertThat(gauge("sluice.admission.stuck", Bucket.EXISTING))
                .as("who goes on where he is has not too much")
                .isZero();
        first.close();
        assertThat(count(controller, Bucket.NEW)).isZero();
        assertThat(count(controller, Bucket.EXISTING)).isEqualTo(1);
    }

    @Test
    void aPermitGivesBackTheBucketItHoldsNowOnce() {
        AdmissionController controller = of(2, 2);
        AdmissionPermit permit = take(controller, Bucket.NEW);
        take(controller, Bucket.NEW);
        take(controller, Bucket.EXISTING);
        assertThat(permit.trySwap(Bucket.EXISTING)).isTrue();
        permit.close();
        permit.close();
        assertThat(count(controller, Bucket.NEW)).isEqualTo(1);
        assertThat(count(controller, Bucket.EXISTING)).isEqualTo(1);
        assertThat(permit.trySwap(Bucket.NEW)).as("a swap after the close").isFalse();
        assertThat(count(controller, Bucket.NEW)).isEqualTo(1);
        assertThat(count(controller, Bucket.EXISTING)).isEqualTo(1);
    }

    @Test
    void noPermitMovesToAnotherPool() {
        AdmissionPermit permit = take(of(1, 1), Bucket.NEW);
        assertThatThrownBy(() -> permit.trySwap(Bucket.INITIAL)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aPlaceThatNobodyHoldsCannotBeGivenBack() {
        BucketPair pair = new BucketPair(1, 1);
        assertThatThrownBy(() -> pair.release(BucketPair.FIRST)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> pair.trySwap(BucketPair.SECOND, BucketPair.FIRST))
                .isInstanceOf(IllegalStateException.class);
        assertThat(pair.packed()).isZero();
    }

    @Test
    void limitsChangeWhileRequestsAreIn() {
        AdmissionController controller = of(1, 5);
        take(controller, Bucket.NEW);
        controller.reconfigure(new AdmissionLimits(3, 5, 1, 2, 3, 0));
        take(controller, Bucket.NEW);
        take(controller, Bucket.NEW);
        controller.reconfigure(new AdmissionLimits(1, 5, 1, 2, 3, 0));
        assertThat(gauge("sluice.admission.limit", Bucket.NEW)).isEqualTo(1);
        assertThat(gauge("sluice.admission.current", Bucket.NEW)).isEqualTo(3);
        permits.get(0).close();
        permits.get(1).close();
        assertThat(refused(controller.tryAdmit(Bucket.NEW)).quota()).contains(new Quota("WRITE", "NEW", 1, 1));
        permits.get(2).close();
        take(controller, Bucket.NEW);
    }

    @Test
    void aNamespaceHasItsOwnLimitWhereThereIsOneAndIsForgottenWhenItHasNoWrites() {
        AdmissionController controller = of(5, 5, 2);
        List<AdmissionPermit> ours = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            ours.add(permit(controller.tryAdmit(Bucket.EXISTING, N)).orElseThrow());
        }
        permits.addAll(ours);
        Refused refused = refused(controller.tryAdmit(Bucket.EXISTING, N));
        assertThat(refused.reason()).isEqualTo(Reason.NAMESPACE_LIMIT);
        assertThat(refused.quota()).contains(new Quota("WRITE", "n", 2, 2));
        permits.add(permit(controller.tryAdmit(Bucket.EXISTING, OTHER)).orElseThrow());
        assertThat(controller.stats().namespaces()).isEqualTo(2);
        ours.getFirst().close();
        ours.getFirst().close();
        permits.add(permit(controller.tryAdmit(Bucket.NEW, N)).orElseThrow());
        permits.forEach(AdmissionPermit::close);
        assertThat(controller.stats().namespaces()).isZero();
        assertThat(count(controller, Bucket.EXISTING)).isZero();
    }

    @Test
    void aNamespaceIsNotChargedForAWriteThatItsBucketRefuses() {
        AdmissionController controller = of(1, 1, 2);
        permits.add(permit(controller.tryAdmit(Bucket.EXISTING, N)).orElseThrow());
        assertThat(refused(controller.tryAdmit(Bucket.EXISTING, OTHER)).reason())
                .isEqualTo(Reason.ADMISSION_LIMIT);
        assertThat(controller.stats().namespaces()).isEqualTo(1);
    }

    @Test
    void aLimitOfNamespacesThatComesLaterDoesNotCountThoseWhoAreIn() {
        AdmissionController controller = of(5, 5, 0);
        permits.add(permit(controller.tryAdmit(Bucket.EXISTING, N)).orElseThrow());
        controller.reconfigure(new AdmissionLimits(5, 5, 1, 2, 3, 1));
        permits.add(permit(controller.tryAdmit(Bucket.EXISTING, N)).orElseThrow());
        assertThat(refused(controller.tryAdmit(Bucket.EXISTING, N)).reason()).isEqualTo(Reason.NAMESPACE_LIMIT);
        permits.forEach(AdmissionPermit::close);
        assertThat(controller.stats().namespaces()).isZero();
    }

    @Test
    void whoWaitsIsLetInWhenOneLeavesOrMovesOrMoreMayCome() throws Exception {
        List<Callable<AdmissionPermit>> makesRoom = new ArrayList<>();
        AdmissionController controller = of(1, 1);
        AdmissionPermit first = permit(controller.tryAdmit(Bucket.NEW)).orElseThrow();
        makesRoom.add(() -> {
            first.close();
            return first;
        });
        makesRoom.add(() -> {
            AdmissionPermit last = permits.getLast();
            assertThat(last.trySwap(Bucket.EXISTING)).isTrue();
            return last;
        });
        makesRoom.add(() -> {
            controller.reconfigure(new AdmissionLimits(2, 1, 1, 1, 1, 0));
            return permits.getLast();
        });
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Callable<AdmissionPermit> room : makesRoom) {
                Future<Admission> waiting =
                        threads.submit(() -> controller.awaitAdmit(Bucket.NEW, Duration.ofMinutes(5)));
                while (controller.waiting() == 0) {
                    Thread.onSpinWait();
                }
                assertThat(waiting.isDone()).isFalse();
                room.call();
                permits.add(permit(waiting.get(1, TimeUnit.MINUTES)).orElseThrow());
            }
        }
        assertThat(controller.waiting()).isZero();
    }

    @Test
    void whoHasWaitedLongEnoughIsRefusedAndCountedNowhere() throws Exception {
        AdmissionController controller = of(1, 1);
        take(controller, Bucket.NEW);
        assertThat(refused(controller.awaitAdmit(Bucket.NEW, Duration.ofNanos(1)))
                        .reason())
                .isEqualTo(Reason.ADMISSION_LIMIT);
        assertThat(count(controller, Bucket.NEW)).isEqualTo(1);
        assertThat(controller.waiting()).isZero();
    }

    /// 100 leave in each second, in steps of a tenth.
    private void leaveFor(AdmissionController controller, int seconds) {
        for (int step = 0; step < 10 * seconds; step++) {
            for (int i = 0; i < 10; i++) {
                permit(controller.tryAdmit(Bucket.EXISTING)).orElseThrow().close();
            }
            nowNs.addAndGet(Duration.ofMillis(100).toNanos());
            controller.observe();
        }
    }

    @Test
    void whoIsRefusedHearsHowLongItTakesUntilThoseWhoAreInHaveLeft() {
        AdmissionController controller = of(1, 1_000);
        controller.observe();
        leaveFor(controller, 5);
        while (!controller.isFull(Bucket.EXISTING)) {
            take(controller, Bucket.EXISTING);
        }
        // 1,000 at 100 a second are 10 s, spread to half as much again.
        assertThat(seconds(controller.tryAdmit(Bucket.EXISTING))).isCloseTo(15, within(0.1));
        // Nobody leaves any more: the longest delay there is.
        for (int step = 0; step < 600; step++) {
            nowNs.addAndGet(Duration.ofMillis(100).toNanos());
            controller.observe();
        }
        assertThat(seconds(controller.tryAdmit(Bucket.EXISTING))).isEqualTo(45);
        permits.forEach(AdmissionPermit::close);
        permits.clear();
        // An idle hour does not make it forget how fast it is; a burst shows it at once.
        nowNs.addAndGet(Duration.ofHours(1).toNanos());
        controller.observe();
        leaveFor(controller, 1);
        for (int step = 0; step < 36_000; step++) {
            nowNs.addAndGet(Duration.ofMillis(100).toNanos());
            controller.observe();
        }
        while (!controller.isFull(Bucket.EXISTING)) {
            take(controller, Bucket.EXISTING);
        }
        assertThat(seconds(controller.tryAdmit(Bucket.EXISTING))).isCloseTo(15, within(0.1));
    }

    private static double seconds(Admission admission) {
        return refused(admission).retryAfter().toNanos() / 1e9;
    }

    @Test
    void whoIsRefusedBeforeAnybodyHasLeftHearsTheShortestDelay() {
        AdmissionController controller = of(1, 1);
        take(controller, Bucket.NEW);
        assertThat(seconds(controller.tryAdmit(Bucket.NEW))).isEqualTo(1.5);
        assertThat(metrics.get("sluice.admission.retry.after").summary().max()).isEqualTo(1.5);
    }

    @Test
    void metricsTellWhatHappened() {
        AdmissionController controller = of(1, 1);
        AdmissionPermit permit = take(controller, Bucket.NEW);
        refused(controller.tryAdmit(Bucket.NEW));
        assertThat(permit.trySwap(Bucket.EXISTING)).isTrue();
        assertThat(counter("sluice.admission", Bucket.NEW, "admitted")).isEqualTo(1);
        assertThat(counter("sluice.admission", Bucket.NEW, "refused")).isEqualTo(1);
        assertThat(counter("sluice.admission.swap", Bucket.EXISTING, "moved")).isEqualTo(1);
        assertThat(gauge("sluice.admission.current", Bucket.NEW)).isZero();
        assertThat(gauge("sluice.admission.current", Bucket.EXISTING)).isEqualTo(1);
        assertThat(gauge("sluice.admission.limit", Bucket.OPEN)).isEqualTo(3);
    }

    /// Moves on are not counted but follow from the other counts, which change while they are read.
    @Test
    void movesAreNeverCountedThatWereNotMade() throws Exception {
        AdmissionController controller = of(4, 4);
        AtomicInteger working = new AtomicInteger(2);
        Callable<Long> endsWhereItBegan = () -> {
            for (int i = 0; i < 100_000; i++) {
                take(controller, Bucket.NEW).close();
                AdmissionPermit goesBack = take(controller, Bucket.EXISTING);
                assertThat(goesBack.trySwap(Bucket.NEW)).isTrue();
                goesBack.close();
            }
            working.decrementAndGet();
            return 0L;
        };
        Callable<Long> looks = () -> {
            long most = 0;
            while (working.get() > 0) {
                most = Math.max(most, moved(controller, Bucket.EXISTING));
            }
            return most;
        };
        assertThat(race(List.of(endsWhereItBegan, endsWhereItBegan, looks))).containsOnly(0L);
        assertThat(moved(controller, Bucket.NEW)).isEqualTo(200_000);
        assertThat(take(controller, Bucket.NEW).trySwap(Bucket.EXISTING)).isTrue();
        assertThat(moved(controller, Bucket.EXISTING)).isEqualTo(1);
    }

    @SuppressWarnings("EnumOrdinal") // the statistics are in this order
    private static long moved(AdmissionController controller, Bucket to) {
        return controller.stats().buckets().get(to.ordinal()).movedIn();
    }

    /// Steps that no thread disturbs, next to a model of two numbers.
    @Test
    void whateverIsDoneTheCountsAreThoseOfAPlainModel() {
        for (long seed = 1; seed <= 50; seed++) {
            Random random = new Random(seed);
            int first = 1 + random.nextInt(4);
            int second = 1 + random.nextInt(4);
            AdmissionController controller = new AdmissionController(
                    new AdmissionLimits(first, second, 1, 1, 1, 0), delays, nowNs::get, new SimpleMeterRegistry());
            List<AdmissionPermit> held = new ArrayList<>();
            List<Bucket> model = new ArrayList<>();
            Map<Bucket, Long> moves = new EnumMap<>(Bucket.class);
            for (int step = 0; step < 500; step++) {
                Bucket bucket = random.nextBoolean() ? Bucket.NEW : Bucket.EXISTING;
                int limit = bucket == Bucket.NEW ? first : second;
                boolean hasRoom = model.stream().filter(bucket::equals).count() < limit;
                int which = held.isEmpty() ? -1 : random.nextInt(held.size());
                switch (random.nextInt(3)) {
                    case 0 -> {
                        Optional<AdmissionPermit> permit = permit(controller.tryAdmit(bucket));
                        assertThat(permit.isPresent())
                                .as("seed %d step %d", seed, step)
                                .isEqualTo(hasRoom);
                        permit.ifPresent(admitted -> {
                            held.add(admitted);
                            model.add(bucket);
                        });
                    }
                    case 1 -> {
                        if (which >= 0) {
                            boolean isThere = model.get(which) == bucket;
                            assertThat(held.get(which).trySwap(bucket))
                                    .as("seed %d step %d", seed, step)
                                    .isEqualTo(isThere || hasRoom);
                            if (hasRoom && !isThere) {
                                moves.merge(bucket, 1L, Long::sum);
                                model.set(which, bucket);
                            }
                        }
                    }
                    default -> {
                        if (which >= 0) {
                            held.remove(which).close();
                            model.remove(which);
                        }
                    }
                }
                for (Bucket of : List.of(Bucket.NEW, Bucket.EXISTING)) {
                    assertThat(count(controller, of))
                            .as("seed %d step %d", seed, step)
                            .isEqualTo((int) model.stream().filter(of::equals).count());
                    assertThat(moved(controller, of))
                            .as("seed %d step %d", seed, step)
                            .isEqualTo(moves.getOrDefault(of, 0L));
                }
            }
            held.forEach(AdmissionPermit::close);
        }
    }
}
