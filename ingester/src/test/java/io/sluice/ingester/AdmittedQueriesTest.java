package io.sluice.ingester;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.query.QueryPermit;
import io.sluice.query.QueryRefusedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

final class AdmittedQueriesTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final AdmissionController controller = new AdmissionController(
            new AdmissionLimits(1, 1, 1, 1, 1, 0), Admissions.delays(), () -> 0, new SimpleMeterRegistry());

    private final WorkQueue work = Admissions.work(Runnable::run);

    private AdmittedQueries queries(Duration maxWait) {
        return new AdmittedQueries(controller, Admissions.delays(), work, maxWait);
    }

    @Test
    void queriesThatFindNoPlaceGetOneInTheOrderInWhichTheyCame() throws Exception {
        AdmittedQueries queries = queries(PATIENCE);
        List<Integer> served = new CopyOnWriteArrayList<>();
        List<Thread> waiting = new ArrayList<>();
        QueryPermit first = queries.admit();
        for (int i = 0; i < 8; i++) {
            int number = i;
            Thread thread = Thread.ofPlatform().start(() -> {
                try (QueryPermit _ = queries.admit()) {
                    served.add(number);
                } catch (QueryRefusedException e) {
                    served.add(-1);
                }
            });
            waiting.add(thread);
            while (thread.getState() != Thread.State.TIMED_WAITING) {
                Thread.onSpinWait();
            }
        }
        assertThat(served).isEmpty();
        first.close();
        for (Thread thread : waiting) {
            thread.join();
        }
        assertThat(served).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(controller.isFull(Bucket.INITIAL)).isFalse();
    }

    @Test
    void whoWaitedLongEnoughIsRefusedWithTheLimitAndATime() throws Exception {
        AdmittedQueries queries = queries(Duration.ofMillis(1));
        try (QueryPermit _ = queries.admit()) {
            assertThatThrownBy(queries::admit).isInstanceOfSatisfying(QueryRefusedException.class, e -> {
                assertThat(e.refusal().reason()).isEqualTo("ADMISSION_LIMIT");
                assertThat(e.refusal().details())
                        .containsEntry("bucket", "INITIAL")
                        .containsEntry("limit", "1");
                assertThat(e.refusal().retryAfter()).isPositive();
            });
        }
        queries.admit().close();
    }

    @Test
    void whoIsInterruptedIsRefusedAndTheOthersGoOn() throws Exception {
        AdmittedQueries queries = queries(PATIENCE);
        try (QueryPermit _ = queries.admit()) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(queries::admit).isInstanceOf(QueryRefusedException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
        queries.admit().close();
    }

    @Test
    void lineProtocolLeavesAProcessorToAQueryUntilItsFirstBatch() throws Exception {
        AdmittedQueries queries = queries(PATIENCE);
        try (QueryPermit sending = queries.admit()) {
            assertThat(work.free()).isEqualTo(1);
            sending.sends();
            assertThat(work.free()).isEqualTo(2);
            sending.sends();
        }
        try (QueryPermit waiting = queries.admit()) {
            assertThat(work.free()).isEqualTo(1);
            waiting.waits();
            assertThat(work.free()).as("its client does not read").isEqualTo(2);
        }
        try (QueryPermit _ = queries.admit()) {
            assertThat(work.free()).isEqualTo(1);
        }
        assertThat(work.free()).as("it ended before").isEqualTo(2);
    }
}
