package io.sluice.benches.stress;

import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.StableWatermark.Registration;
import io.sluice.ingester.sink.StableWatermark.StableListener;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
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

/// Invariant 1: who waits for a number hears of it exactly once, and who knows of a write's ack reads a mark that
/// covers it.
public final class StableWatermarkStress {
    private static final SequenceNumber ONE = new SequenceNumber(1);
    private static final SequenceNumber TWO = new SequenceNumber(2);

    private StableWatermarkStress() {}

    /// Counts what it hears, and what it hears too early.
    private static final class Ear implements StableListener {
        private final StableWatermark watched;
        private final AtomicInteger stable = new AtomicInteger();
        private final AtomicInteger failed = new AtomicInteger();
        private final AtomicInteger early = new AtomicInteger();

        Ear(StableWatermark watched) {
            this.watched = watched;
        }

        @Override
        public void stable() {
            stable.incrementAndGet();
            if (ONE.isAfter(watched.stable())) {
                early.incrementAndGet();
            }
        }

        @Override
        public void failed(IOException cause) {
            failed.incrementAndGet();
        }

        void tell(III_Result result) {
            result.r1 = stable.get();
            result.r2 = failed.get();
            result.r3 = early.get();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0, 0", expect = Expect.ACCEPTABLE, desc = "told once, when it was stable")
    @Outcome(expect = Expect.FORBIDDEN, desc = "not told, told twice, or too early")
    @State
    public static class SubscribingRacesPublishing {
        private final StableWatermark stable = new StableWatermark();
        private final Ear ear = new Ear(stable);

        @Actor
        public void publish() {
            stable.publish(ONE);
        }

        @Actor
        public void subscribe() {
            var _ = stable.onStable(ONE, ear);
        }

        @Arbiter
        public void heard(III_Result result) {
            ear.tell(result);
        }
    }

    /// The flag by which the publisher knows of those who wait is shared by all.
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "each told once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "one not told, or told twice")
    @State
    public static class TwoSubscriptionsRacePublishing {
        private final StableWatermark stable = new StableWatermark();
        private final Ear first = new Ear(stable);
        private final Ear second = new Ear(stable);

        @Actor
        public void publish() {
            stable.publish(ONE);
            stable.publish(TWO);
        }

        @Actor
        public void subscribe() {
            var _ = stable.onStable(TWO, second);
            var _ = stable.onStable(ONE, first);
        }

        @Arbiter
        public void heard(II_Result result) {
            result.r1 = first.stable.get();
            result.r2 = second.stable.get();
        }
    }

    @JCStressTest
    @Outcome(id = "0, 1, 0", expect = Expect.ACCEPTABLE, desc = "told once of the failure")
    @Outcome(expect = Expect.FORBIDDEN, desc = "not told, or told twice")
    @State
    public static class SubscribingRacesFailing {
        private final StableWatermark stable = new StableWatermark();
        private final Ear ear = new Ear(stable);

        @Actor
        public void fail() {
            stable.fail(new IOException("made to fail"));
        }

        @Actor
        public void subscribe() {
            var _ = stable.onStable(ONE, ear);
        }

        @Arbiter
        public void heard(III_Result result) {
            ear.tell(result);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0, 0", expect = Expect.ACCEPTABLE, desc = "told that it is stable")
    @Outcome(id = "0, 1, 0", expect = Expect.ACCEPTABLE, desc = "told of the failure")
    @Outcome(expect = Expect.FORBIDDEN, desc = "not told, or of both")
    @State
    public static class PublishingRacesFailing {
        private final StableWatermark stable = new StableWatermark();
        private final Ear ear = new Ear(stable);

        public PublishingRacesFailing() {
            var _ = stable.onStable(ONE, ear);
        }

        @Actor
        public void publish() {
            stable.publish(ONE);
        }

        @Actor
        public void fail() {
            stable.fail(new IOException("made to fail"));
        }

        @Arbiter
        public void heard(III_Result result) {
            ear.tell(result);
        }
    }

    /// One who gives up must not take another's wake-up with him.
    @JCStressTest
    @Outcome(id = "[01], 1", expect = Expect.ACCEPTABLE, desc = "the one who stayed is told")
    @Outcome(expect = Expect.FORBIDDEN, desc = "the one who stayed is not told, or somebody twice")
    @State
    public static class GivingUpRacesPublishing {
        private final StableWatermark stable = new StableWatermark();
        private final Ear gone = new Ear(stable);
        private final Ear stays = new Ear(stable);
        private final Registration registration;

        public GivingUpRacesPublishing() {
            registration = stable.onStable(ONE, gone);
            var _ = stable.onStable(ONE, stays);
        }

        @Actor
        public void publish() {
            stable.publish(ONE);
        }

        @Actor
        public void giveUp() {
            registration.close();
        }

        @Arbiter
        public void heard(II_Result result) {
            result.r1 = gone.stable.get();
            result.r2 = stays.stable.get();
        }
    }

    @JCStressTest
    @Outcome(id = "0, [012]", expect = Expect.ACCEPTABLE, desc = "not acknowledged yet")
    @Outcome(id = "1, [12]", expect = Expect.ACCEPTABLE, desc = "acknowledged, and the mark covers it")
    @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "acknowledged, and the mark covers it")
    @Outcome(expect = Expect.FORBIDDEN, desc = "acknowledged, and the mark is older")
    @State
    public static class ReadingBehindAnAck {
        private final StableWatermark stable = new StableWatermark();
        private final CompletableFuture<SequenceNumber> first = new CompletableFuture<>();
        private final CompletableFuture<SequenceNumber> second = new CompletableFuture<>();

        @Actor
        public void write() {
            stable.publish(ONE);
            first.complete(ONE);
            stable.publish(TWO);
            second.complete(TWO);
        }

        @Actor
        public void read(II_Result result) {
            result.r1 = second.isDone() ? 2 : first.isDone() ? 1 : 0;
            result.r2 = (int) stable.stable().value();
        }
    }
}
