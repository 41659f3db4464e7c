package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.persist.PersistGate.Departure;
import io.sluice.persist.PersistGate.Outcome;
import io.sluice.persist.PersistGate.Permit;
import io.sluice.persist.PersistGate.Precedence;
import io.sluice.persist.PersistGate.Ticket;
import io.sluice.persist.PersistGate.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PersistGateTest {
    private static final long PLENTY = 1_000_000;
    private static final long ARBITRARY_BYTES = 10;

    private final ManualClock clock = new ManualClock();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final List<String> order = new ArrayList<>();

    /// The peer's gate is blocked for ever by this: the ticket of one who gave up behind the head is served, and
    /// nobody is there to take it.
    @Test
    void anAbandonedTicketDoesNotWedgeTheGate() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        Waiting head = enter(gate);
        Waiting abandoned = enter(gate);
        assertThat(abandoned.leave(Departure.TIMED_OUT)).isEmpty();

        inside.close(Outcome.SUCCEEDED);
        granted(head).close(Outcome.SUCCEEDED);

        for (int i = 0; i < 4; i++) {
            granted(enter(gate)).close(Outcome.SUCCEEDED);
        }
        assertIdle(gate);
    }

    @Test
    void whoLeavesAtWhateverPlaceHoldsUpNobody() {
        int waiters = 10;
        for (Departure why : Departure.values()) {
            for (int place = 0; place < waiters; place++) {
                var gate = gate(1, PLENTY);
                order.clear();
                Permit inside = granted(enter(gate));
                List<Waiting> waiting = new ArrayList<>();
                for (int i = 0; i < waiters; i++) {
                    waiting.add(pass(gate, ticket(gate), "" + i));
                }

                assertThat(waiting.get(place).leave(why)).isEmpty();
                inside.close();

                String left = "" + place;
                assertThat(order)
                        .as("%s at place %d", why, place)
                        .containsExactlyElementsOf(IntStream.range(0, waiters)
                                .mapToObj(i -> "" + i)
                                .filter(name -> !name.equals(left))
                                .toList());
                assertIdle(gate);
            }
        }
    }

    @Test
    void whoseActionFailsHoldsUpNobody() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        var _ = enter(gate).permit().thenAccept(permit -> {
            permit.close();
            throw new IllegalStateException("an action that fails");
        });
        pass(gate, ticket(gate), "next");

        inside.close();

        assertThat(order).containsExactly("next");
        assertIdle(gate);
    }

    @Test
    void whoComesAgainHasTheOldPlace() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        Ticket first = ticket(gate);
        for (int round = 0; round < 3; round++) {
            Waiting waiting = gate.enter(first);
            assertThat(waiting.leave(Departure.TIMED_OUT)).isEmpty();
            pass(gate, ticket(gate), "later " + round);
        }
        pass(gate, first, "first");

        inside.close();

        assertThat(order).containsExactly("first", "later 0", "later 1", "later 2");
    }

    /// A job whose attempt failed comes again, too.
    @Test
    void aTicketKeepsItsPlaceAfterAGrant() {
        var gate = gate(1, PLENTY);
        Ticket first = ticket(gate);
        Permit attempt = granted(gate.enter(first));
        pass(gate, ticket(gate), "second");
        Permit other = granted(gate.enter(gate.ticket(0, Precedence.RPC)));
        pass(gate, first, "first");

        attempt.close(Outcome.FAILED);
        other.close();

        assertThat(order).containsExactly("first", "second");
    }

    @Test
    void bytesBoundWhatSlotsWouldAdmit() {
        var gate = gate(10, 100);
        Permit large = granted(enter(gate, 60));
        Waiting tooMuch = enter(gate, 41);
        assertWaits(tooMuch);
        assertThat(tooMuch.leave(Departure.TIMED_OUT)).isEmpty();
        Permit fitting = granted(enter(gate, 40));
        assertThat(gate.stats().usedBytes()).isEqualTo(100);
        large.close();
        fitting.close();
        assertIdle(gate);
    }

    @Test
    void aHeadThatLeavesLetsThoseInThatFit() {
        var gate = gate(3, 100);
        Permit inside = granted(enter(gate, 60));
        Waiting head = enter(gate, 50);
        Waiting small = enter(gate, 40);
        assertWaits(small);

        assertThat(head.leave(Departure.INTERRUPTED)).isEmpty();

        granted(small).close();
        inside.close();
        assertIdle(gate);
    }

    @Test
    void aJobLargerThanTheBudgetRunsAloneAndNobodyPassesIt() {
        var gate = gate(10, 100);
        Permit small = granted(enter(gate, 1));
        Waiting large = enter(gate, Long.MAX_VALUE);
        Waiting behind = enter(gate, 1);
        assertWaits(large);
        assertWaits(behind);

        small.close();

        assertWaits(behind);
        granted(large).close();
        granted(behind).close();
        assertIdle(gate);
    }

    @Test
    void bypassSkipsSlotsButNotBytes() {
        for (Precedence bypass : List.of(Precedence.RPC, Precedence.SHUTDOWN)) {
            var gate = gate(1, 100);
            Permit inside = granted(enter(gate, 50));
            Waiting inTurn = enter(gate, 1);
            Permit bypassing = granted(gate.enter(gate.ticket(50, bypass)));
            assertThat(gate.stats().active()).isEqualTo(2);
            Waiting tooMuch = gate.enter(gate.ticket(1, bypass));
            assertWaits(tooMuch);

            bypassing.close();
            assertWaits(inTurn);
            granted(tooMuch).close();
            inside.close();
            granted(inTurn).close();
            assertIdle(gate);
        }
    }

    @Test
    void bypassThatWaitsForBytesIsNotOvertaken() {
        var gate = gate(9, 100);
        Permit inside = granted(enter(gate, 80));
        Waiting bypassing = gate.enter(gate.ticket(50, Precedence.RPC));
        Waiting small = enter(gate, 1);
        assertWaits(small);
        inside.close();
        granted(bypassing).close();
        granted(small).close();
    }

    @Test
    void theUrgentGoBeforeThoseInTurnAndNeedASlot() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        pass(gate, ticket(gate), "in turn");
        pass(gate, gate.ticket(1, Precedence.URGENT), "urgent");
        pass(gate, gate.ticket(1, Precedence.URGENT), "urgent too");
        assertThat(order).isEmpty();

        inside.close();

        assertThat(order).containsExactly("urgent", "urgent too", "in turn");
    }

    @Test
    void drainingLetsThoseInWhoWaitForASlotAndBytesStillCount() {
        var gate = gate(1, 100);
        Permit inside = granted(enter(gate, 30));
        Waiting first = enter(gate, 30);
        Waiting second = enter(gate, 30);
        Waiting tooMuch = enter(gate, 30);

        gate.drain();

        Permit two = granted(first);
        Permit three = granted(second);
        assertWaits(tooMuch);
        inside.close();
        granted(tooMuch).close();
        assertThat(gate.stats().bypassedForShutdown()).isEqualTo(3);
        two.close();
        three.close();
        assertIdle(gate);
    }

    @Test
    void moreSlotsAreUsedAtOnce() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        List<Waiting> waiting = List.of(enter(gate), enter(gate), enter(gate));

        gate.reconfigure(settings(3, PLENTY));

        Permit second = granted(waiting.get(0));
        Permit third = granted(waiting.get(1));
        assertWaits(waiting.get(2));
        assertThat(gate.stats().slots()).isEqualTo(3);
        inside.close();
        granted(waiting.get(2)).close();
        second.close();
        third.close();
    }

    @Test
    void moreBytesAreUsedAtOnce() {
        var gate = gate(9, 10);
        Permit inside = granted(enter(gate, 10));
        Waiting waiting = enter(gate, 10);
        gate.reconfigure(settings(9, 20));
        granted(waiting).close();
        inside.close();
    }

    @Test
    void fewerSlotsTakeNothingBackAndGrantNothingUntilEnoughHaveLeft() {
        var gate = gate(4, PLENTY);
        List<Permit> inside =
                List.of(granted(enter(gate)), granted(enter(gate)), granted(enter(gate)), granted(enter(gate)));
        Waiting waiting = enter(gate);

        gate.reconfigure(settings(2, PLENTY));

        assertThat(gate.stats().active()).isEqualTo(4);
        inside.get(0).close();
        inside.get(1).close();
        assertWaits(waiting);
        inside.get(2).close();
        granted(waiting).close();
        inside.get(3).close();
        assertIdle(gate);
    }

    @Test
    void fewerBytesGrantNothingUntilEnoughAreFree() {
        var gate = gate(9, 100);
        Permit fifty = granted(enter(gate, 50));
        Permit forty = granted(enter(gate, 40));
        gate.reconfigure(settings(9, 60));
        Waiting waiting = enter(gate, 20);
        assertWaits(waiting);
        fifty.close();
        granted(waiting).close();
        forty.close();
    }

    @Test
    void closingAPermitTwiceReleasesItOnce() {
        var gate = gate(2, 100);
        Permit permit = granted(enter(gate, 10));
        Permit other = granted(enter(gate, 20));

        permit.close(Outcome.SUCCEEDED);
        permit.close();

        assertThat(gate.stats().active()).isEqualTo(1);
        assertThat(gate.stats().usedBytes()).isEqualTo(20);
        other.close();
    }

    @Test
    void whoLeavesAfterTheGrantHasThePermit() {
        var gate = gate(1, PLENTY);
        Waiting waiting = enter(gate);
        Optional<Permit> permit = waiting.leave(Departure.TIMED_OUT);
        assertThat(permit).isPresent();
        permit.orElseThrow().close();
        assertThat(gate.stats().timeouts()).isZero();
        assertIdle(gate);
    }

    @Test
    void whoLeavesTwiceLeavesOnceAndNotTheNextStay() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        Ticket ticket = ticket(gate);
        Waiting before = gate.enter(ticket);
        assertThat(before.leave(Departure.TIMED_OUT)).isEmpty();
        Waiting now = gate.enter(ticket);
        assertThat(before.leave(Departure.TIMED_OUT)).isEmpty();
        assertThat(gate.stats().timeouts()).isEqualTo(1);
        inside.close();
        granted(now).close();
    }

    @Test
    void aTicketThatWaitsCannotEnterAgain() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        Ticket ticket = ticket(gate);
        Waiting waiting = gate.enter(ticket);
        assertThatThrownBy(() -> {
                    var _ = gate.enter(ticket);
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("waits already");
        inside.close();
        granted(waiting).close();
        assertIdle(gate);
    }

    @Test
    void theOldestWaitGoesOnThroughTimeouts() {
        var gate = gate(1, PLENTY);
        Permit inside = granted(enter(gate));
        Ticket ticket = ticket(gate);
        Waiting before = gate.enter(ticket);
        clock.advance(Duration.ofSeconds(5));
        assertThat(before.leave(Departure.TIMED_OUT)).isEmpty();
        assertThat(gate.stats().oldestWait()).isZero();
        Waiting waiting = gate.enter(ticket);
        clock.advance(Duration.ofSeconds(2));
        assertThat(gate.stats().oldestWait()).isEqualTo(Duration.ofSeconds(7));

        inside.close();

        granted(waiting).close();
        assertThat(gate.stats().oldestWait()).isZero();
        Permit again = granted(enter(gate));
        Waiting anew = gate.enter(ticket);
        assertThat(gate.stats().oldestWait()).as("a new wait").isZero();
        again.close();
        granted(anew).close();
    }

    @Test
    void aWaitIsTimedByItsPlace() {
        var gate = gate(2, PLENTY);
        assertThat(enter(gate).timeout()).as("nothing measured").isEqualTo(Duration.ofSeconds(10));
        Permit second = granted(enter(gate));
        clock.advance(Duration.ofSeconds(3));
        second.close(Outcome.SUCCEEDED);
        Permit third = granted(enter(gate));
        clock.advance(Duration.ofSeconds(1));
        third.close(Outcome.FAILED);
        Permit last = granted(enter(gate));

        List<Duration> timeouts = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            timeouts.add(enter(gate).timeout());
        }
        assertThat(timeouts).as("the failed one is not counted").containsExactly(seconds(6, 6, 12, 12, 18));
        assertThat(gate.enter(gate.ticket(PLENTY, Precedence.RPC)).timeout())
                .as("before all those")
                .isEqualTo(Duration.ofSeconds(6));
        last.close();
    }

    @Test
    void whatBypassesIsNotMeasured() {
        var gate = gate(2, PLENTY);
        Permit bypassing = granted(gate.enter(gate.ticket(1, Precedence.RPC)));
        clock.advance(Duration.ofSeconds(30));
        bypassing.close(Outcome.SUCCEEDED);
        assertThat(enter(gate).timeout()).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void aClockThatThrowsLeavesNothingBehind() {
        var broken = new AtomicBoolean();
        var gate = new PersistGate(
                settings(1, 100),
                () -> {
                    if (broken.get()) {
                        throw new IllegalStateException("clock");
                    }
                    return 0;
                },
                meters);
        Permit inside = granted(enter(gate));
        Ticket ticket = ticket(gate);
        broken.set(true);
        assertThatThrownBy(() -> {
                    var _ = gate.enter(ticket);
                })
                .hasMessage("clock");
        assertThatThrownBy(inside::close).hasMessage("clock");
        broken.set(false);
        assertIdle(gate);
        granted(gate.enter(ticket)).close();
    }

    @Test
    void metersTellHowItWent() {
        var gate = gate(1, 100);
        GateMeters.watch(meters, gate);
        Permit inside = granted(enter(gate, 10));
        Ticket ticket = ticket(gate);
        Waiting before = gate.enter(ticket);
        clock.advance(Duration.ofSeconds(4));
        assertThat(before.leave(Departure.TIMED_OUT)).isEmpty();
        Waiting waiting = gate.enter(ticket);
        clock.advance(Duration.ofSeconds(1));
        Permit rpc = granted(gate.enter(gate.ticket(20, Precedence.RPC)));

        assertThat(gauge("active")).isEqualTo(2);
        assertThat(gauge("gate.slots")).isEqualTo(1);
        assertThat(gauge("gate.used")).isEqualTo(30);
        assertThat(gauge("gate.limit")).isEqualTo(100);
        assertThat(gauge("gate.waiting")).isEqualTo(1);
        assertThat(gauge("gate.oldest.wait")).isEqualTo(5);

        rpc.close();
        inside.close(Outcome.SUCCEEDED);
        granted(waiting).close(Outcome.SUCCEEDED);
        assertThat(meters.get("sluice.persist.gate.timeouts").functionCounter().count())
                .isEqualTo(1);
        assertThat(meters.get("sluice.persist.gate.bypass")
                        .tag("reason", "rpc")
                        .functionCounter()
                        .count())
                .isEqualTo(1);
        assertThat(waits("granted")).containsExactly(3, 5);
        assertThat(waits("timed_out")).containsExactly(1, 4);
        assertThat(waits("interrupted")).containsExactly(0, 0);
        var hold = meters.get("sluice.persist.gate.hold")
                .tag("outcome", "succeeded")
                .timer();
        assertThat(hold.totalTime(TimeUnit.SECONDS)).isEqualTo(5);
    }

    private double gauge(String name) {
        return meters.get("sluice.persist." + name).gauge().value();
    }

    /// Their number, and their sum in seconds.
    private List<Integer> waits(String result) {
        var timer = meters.get("sluice.persist.gate.wait").tag("result", result).timer();
        return List.of((int) timer.count(), (int) timer.totalTime(TimeUnit.SECONDS));
    }

    private static Duration[] seconds(int... seconds) {
        return IntStream.of(seconds).mapToObj(Duration::ofSeconds).toArray(Duration[]::new);
    }

    private PersistGate gate(int slots, long memoryBytes) {
        return new PersistGate(settings(slots, memoryBytes), clock, meters);
    }

    private static PersistGateSettings settings(int slots, long memoryBytes) {
        return new PersistGateSettings(slots, memoryBytes, GateTimeout.DEFAULT);
    }

    private static Ticket ticket(PersistGate gate) {
        return gate.ticket(ARBITRARY_BYTES, Precedence.IN_TURN);
    }

    private static Waiting enter(PersistGate gate) {
        return gate.enter(ticket(gate));
    }

    private static Waiting enter(PersistGate gate, long bytes) {
        return gate.enter(gate.ticket(bytes, Precedence.IN_TURN));
    }

    /// Goes in when it may, notes that, and goes out again.
    private Waiting pass(PersistGate gate, Ticket ticket, String name) {
        Waiting waiting = gate.enter(ticket);
        var _ = waiting.permit().thenAccept(permit -> {
            order.add(name);
            permit.close();
        });
        return waiting;
    }

    private static Permit granted(Waiting waiting) {
        var permit = waiting.permit().toCompletableFuture();
        assertThat(permit).as("granted").isCompleted();
        return permit.join();
    }

    private static void assertWaits(Waiting waiting) {
        assertThat(waiting.permit().toCompletableFuture()).as("waits").isNotDone();
    }

    private static void assertIdle(PersistGate gate) {
        var stats = gate.stats();
        assertThat(List.of(stats.active(), stats.usedBytes(), stats.waiting(), stats.oldestWait()))
                .isEqualTo(List.of(0, 0L, 0, Duration.ZERO));
    }
}
