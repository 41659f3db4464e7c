package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class IngestStateTest {
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final AtomicLong nowNs = new AtomicLong();
    private final IngestState state = new IngestState(nowNs::get, metrics);

    private double gauge(Reason reason) {
        return metrics.get("sluice.ingest.refusing")
                .tag("reason", reason.name())
                .gauge()
                .value();
    }

    @Test
    void writesAreTakenAsLongAsNoReasonHolds() {
        assertThat(state.refusal()).isEmpty();
        assertThat(state.all()).isEmpty();
    }

    @Test
    void everyReasonRefusesByItselfAndNoOtherHoldsThen() {
        for (Reason reason : Reason.values()) {
            assertThat(state.set(reason)).as("%s is new", reason).isTrue();
            assertThat(state.set(reason)).as("%s held before", reason).isFalse();
            assertThat(state.refusal()).contains(reason);
            assertThat(state.all()).containsExactly(reason);
            assertThat(gauge(reason)).isEqualTo(1);
            assertThat(state.clear(reason)).as("%s held", reason).isTrue();
            assertThat(state.clear(reason)).as("%s held no more", reason).isFalse();
            assertThat(state.refusal()).isEmpty();
            assertThat(gauge(reason)).isZero();
        }
    }

    @Test
    void ofSeveralReasonsTheFirstOfTheEnumIsToldInWhateverOrderTheyCame() {
        Reason[] reasons = Reason.values();
        for (int i = reasons.length - 1; i >= 0; i--) {
            state.set(reasons[i]);
            assertThat(state.refusal()).contains(reasons[i]);
        }
        assertThat(state.all()).containsExactly(reasons);
        for (int i = 0; i < reasons.length - 1; i++) {
            state.clear(reasons[i]);
            assertThat(state.refusal()).contains(reasons[i + 1]);
        }
    }

    @Test
    void whatLastsLongestIsToldFirst() {
        state.set(Reason.ADMISSION_LIMIT);
        state.set(Reason.MEMORY_LIMIT);
        state.set(Reason.DISK_FULL);
        assertThat(state.refusal()).contains(Reason.DISK_FULL);
        state.set(Reason.GRACEFUL_STOP);
        assertThat(state.refusal()).contains(Reason.GRACEFUL_STOP);
        state.set(Reason.WAL_FAILED);
        assertThat(state.refusal()).contains(Reason.WAL_FAILED);
    }

    @Test
    void theSecondsThatAReasonHeldAddUpAndGoOnWhileItHolds() {
        assertThat(seconds(Reason.DISK_FULL)).isZero();
        state.set(Reason.DISK_FULL);
        nowNs.addAndGet(1_500_000_000);
        assertThat(seconds(Reason.DISK_FULL)).as("it still holds").isEqualTo(1.5);
        state.set(Reason.DISK_FULL);
        nowNs.addAndGet(500_000_000);
        state.clear(Reason.DISK_FULL);
        nowNs.addAndGet(9_000_000_000L);
        assertThat(seconds(Reason.DISK_FULL)).as("it does not hold").isEqualTo(2);
        state.set(Reason.DISK_FULL, () -> "again");
        nowNs.addAndGet(1_000_000_000);
        state.clear(Reason.DISK_FULL);
        assertThat(seconds(Reason.DISK_FULL)).isEqualTo(3);
        assertThat(seconds(Reason.WAL_FULL)).as("another").isZero();
    }

    private double seconds(Reason reason) {
        return metrics.get("sluice.ingest.refusing.seconds")
                .tag("reason", reason.name())
                .functionCounter()
                .count();
    }
}
