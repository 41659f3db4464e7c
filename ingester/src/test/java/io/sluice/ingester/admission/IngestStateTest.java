package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.WriteOutcome.Reason;
import org.junit.jupiter.api.Test;

final class IngestStateTest {
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final IngestState state = new IngestState(metrics);

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
}
