package io.sluice.benches.stress;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.door.RetryDelays;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/// Invariant 7: a place is held by one, in one bucket, and given back once, whatever races what.
public final class AdmissionStress {
    /// Of all controllers together: what they measure is not looked at.
    private static final MeterRegistry METRICS = new SimpleMeterRegistry();

    private static final RetryDelays DELAYS = new RetryDelays(() -> 0);

    private AdmissionStress() {}

    private static AdmissionController controller(int writeNew, int writeExisting) {
        return new AdmissionController(
                new AdmissionLimits(writeNew, writeExisting, 1, 1, 1, 0), DELAYS, () -> 0, METRICS);
    }

    private static AdmissionPermit take(AdmissionController controller, Bucket bucket) {
        if (controller.tryAdmit(bucket) instanceof Admission.Admitted(AdmissionPermit permit)) {
            return permit;
        }
        throw new IllegalStateException("no room");
    }

    private static boolean isLetIn(AdmissionController controller, Bucket bucket) {
        return controller.tryAdmit(bucket) instanceof Admission.Admitted;
    }

    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "given back, wherever it was by then")
    @Outcome(expect = Expect.FORBIDDEN, desc = "given back where it was not, or not at all")
    @State
    public static class AClosingPermitRacesItsMove {
        private final AdmissionController controller = controller(1, 1);
        private final AdmissionPermit permit = take(controller, Bucket.NEW);

        @Actor
        public void move() {
            permit.trySwap(Bucket.EXISTING);
        }

        @Actor
        public void close() {
            permit.close();
        }

        @Arbiter
        public void end(II_Result result) {
            result.r1 = controller.count(Bucket.NEW);
            result.r2 = controller.count(Bucket.EXISTING);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "given back once; the other permit is still in")
    @Outcome(expect = Expect.FORBIDDEN, desc = "given back twice, or not at all")
    @State
    public static class TwoThreadsCloseOnePermit {
        private final AdmissionController controller = controller(2, 1);
        private final AdmissionPermit permit = take(controller, Bucket.NEW);

        public TwoThreadsCloseOnePermit() {
            take(controller, Bucket.NEW);
        }

        @Actor
        public void close() {
            permit.close();
        }

        @Actor
        public void closeToo() {
            permit.close();
        }

        @Arbiter
        public void end(II_Result result) {
            result.r1 = controller.count(Bucket.NEW);
            result.r2 = controller.count(Bucket.EXISTING);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "one moved, the other is where it was")
    @Outcome(expect = Expect.FORBIDDEN, desc = "both moved or none, or a count is wrong")
    @State
    public static class TwoPermitsMoveToOnePlace {
        private final AdmissionController controller = controller(2, 1);
        private final AdmissionPermit first = take(controller, Bucket.NEW);
        private final AdmissionPermit second = take(controller, Bucket.NEW);
        private volatile boolean firstMoved;
        private volatile boolean secondMoved;

        @Actor
        public void moveFirst() {
            firstMoved = first.trySwap(Bucket.EXISTING);
        }

        @Actor
        public void moveSecond() {
            secondMoved = second.trySwap(Bucket.EXISTING);
        }

        @Arbiter
        public void end(III_Result result) {
            result.r1 = firstMoved == secondMoved ? -1 : 1;
            result.r2 = controller.count(Bucket.NEW);
            result.r3 = controller.count(Bucket.EXISTING);
        }
    }

    @JCStressTest
    @Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "declined; its place was never free")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a newcomer got the place that was only tried to leave")
    @State
    public static class ADeclinedMoveRacesANewcomer {
        private final AdmissionController controller = controller(1, 1);
        private final AdmissionPermit permit = take(controller, Bucket.NEW);
        private volatile boolean moved;
        private volatile boolean letIn;

        public ADeclinedMoveRacesANewcomer() {
            take(controller, Bucket.EXISTING);
        }

        @Actor
        public void move() {
            moved = permit.trySwap(Bucket.EXISTING);
        }

        @Actor
        public void come() {
            letIn = isLetIn(controller, Bucket.NEW);
        }

        @Arbiter
        public void end(III_Result result) {
            result.r1 = moved ? 1 : 0;
            result.r2 = letIn ? 1 : 0;
            result.r3 = controller.count(Bucket.NEW);
        }
    }
}
