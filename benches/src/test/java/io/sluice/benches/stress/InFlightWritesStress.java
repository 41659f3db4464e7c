package io.sluice.benches.stress;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.write.InFlightWrites;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/// Invariant 7: the budget is never exceeded, first come is first served, and nothing is lost or given back twice.
public final class InFlightWritesStress {
    /// Of all budgets together: what they measure is not looked at.
    private static final MeterRegistry METRICS = new SimpleMeterRegistry();

    private InFlightWritesStress() {}

    private static InFlightWrites budget(int limitOps) {
        return new InFlightWrites(100, limitOps, () -> 0L, METRICS);
    }

    private static WritePermit take(InFlightWrites budget) {
        CompletableFuture<WritePermit> permit = new CompletableFuture<>();
        var _ = budget.enter(10, permit::complete);
        return permit.join();
    }

    /// What is left when all are through.
    private static int leftovers(InFlightWrites budget) {
        return budget.writes() + budget.waiting() + (int) budget.bytes();
    }

    @JCStressTest
    @Outcome(id = "1, 3, 0", expect = Expect.ACCEPTABLE, desc = "one at a time, all of them, nothing left")
    @Outcome(expect = Expect.FORBIDDEN, desc = "two at once, or one forgotten, or something left")
    @State
    public static class ThreeWritesHaveRoomForOne {
        private final InFlightWrites budget = budget(1);
        private final AtomicInteger inside = new AtomicInteger();
        private final AtomicInteger most = new AtomicInteger();
        private final AtomicInteger through = new AtomicInteger();

        private void write() {
            var _ = budget.enter(10, permit -> {
                most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                through.incrementAndGet();
                inside.decrementAndGet();
                permit.close();
            });
        }

        @Actor
        public void one() {
            write();
        }

        @Actor
        public void two() {
            write();
            write();
        }

        @Arbiter
        public void end(III_Result result) {
            result.r1 = most.get();
            result.r2 = through.get();
            result.r3 = leftovers(budget);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2, 0", expect = Expect.ACCEPTABLE, desc = "who waited longer is in first")
    @Outcome(expect = Expect.FORBIDDEN, desc = "passed, forgotten, or something left")
    @State
    public static class ALateComerRacesTheRoomOfOneWhoWaits {
        private final InFlightWrites budget = budget(1);
        private final WritePermit held = take(budget);
        private final AtomicInteger order = new AtomicInteger();
        private int waiterIs;
        private int lateComerIs;

        public ALateComerRacesTheRoomOfOneWhoWaits() {
            var _ = budget.enter(10, permit -> {
                waiterIs = order.incrementAndGet();
                permit.close();
            });
        }

        @Actor
        public void leave() {
            held.close();
        }

        @Actor
        public void come() {
            var _ = budget.enter(1, permit -> {
                lateComerIs = order.incrementAndGet();
                permit.close();
            });
        }

        @Arbiter
        public void end(III_Result result) {
            result.r1 = waiterIs;
            result.r2 = lateComerIs;
            result.r3 = leftovers(budget);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0, 0", expect = Expect.ACCEPTABLE, desc = "gave up, and was not let in")
    @Outcome(id = "0, 1, 0", expect = Expect.ACCEPTABLE, desc = "was let in, and could not give up")
    @Outcome(expect = Expect.FORBIDDEN, desc = "both or neither, or something left")
    @State
    public static class GivingUpRacesBeingLetIn {
        private final InFlightWrites budget = budget(1);
        private final WritePermit held = take(budget);
        private final AtomicInteger admitted = new AtomicInteger();
        private final Waiting waiting;

        public GivingUpRacesBeingLetIn() {
            waiting = budget.enter(10, permit -> {
                admitted.incrementAndGet();
                permit.close();
            });
        }

        @Actor
        public void leave() {
            held.close();
        }

        @Actor
        public void giveUp(III_Result result) {
            result.r1 = waiting.cancel() ? 1 : 0;
        }

        @Arbiter
        public void end(III_Result result) {
            result.r2 = admitted.get();
            result.r3 = leftovers(budget);
        }
    }

    @JCStressTest
    @Outcome(id = "11", expect = Expect.ACCEPTABLE, desc = "the other write, of ten bytes, is still in")
    @Outcome(expect = Expect.FORBIDDEN, desc = "given back twice, or not at all")
    @State
    public static class TwoThreadsGiveBackOnePermit {
        private final InFlightWrites budget = budget(2);
        private final WritePermit twice = take(budget);

        public TwoThreadsGiveBackOnePermit() {
            var _ = take(budget);
        }

        @Actor
        public void close() {
            twice.close();
        }

        @Actor
        public void closeToo() {
            twice.close();
        }

        @Arbiter
        public void end(I_Result result) {
            result.r1 = leftovers(budget);
        }
    }

    @JCStressTest
    @Outcome(id = "2, 0", expect = Expect.ACCEPTABLE, desc = "both are in and out")
    @Outcome(expect = Expect.FORBIDDEN, desc = "one is forgotten, or something left")
    @State
    public static class HigherLimitsRaceAWriteThatComes {
        private final InFlightWrites budget = budget(1);
        private final WritePermit held = take(budget);
        private final AtomicInteger admitted = new AtomicInteger();

        public HigherLimitsRaceAWriteThatComes() {
            enter();
        }

        private void enter() {
            var _ = budget.enter(10, permit -> {
                admitted.incrementAndGet();
                permit.close();
            });
        }

        @Actor
        public void raise() {
            budget.reconfigure(100, 2);
        }

        @Actor
        public void come() {
            enter();
        }

        @Arbiter
        public void end(II_Result result) {
            held.close();
            result.r1 = admitted.get();
            result.r2 = leftovers(budget);
        }
    }
}
