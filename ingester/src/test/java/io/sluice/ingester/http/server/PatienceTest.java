package io.sluice.ingester.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.http.server.Patience.Phase;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class PatienceTest {
    private static final Duration IDLE = Duration.ofMinutes(5);
    private static final Duration SLOW = Duration.ofSeconds(10);

    private final AtomicLong nowNanos = new AtomicLong(Long.MAX_VALUE - 1_000); // it may overflow
    private final Patience patience = new Patience(nowNanos::get, () -> new ConnectionLimits(1, IDLE, SLOW));

    private void assertLasts(Duration time) {
        nowNanos.addAndGet(time.toNanos() - 1);
        assertThat(patience.state().isOver(nowNanos.get()))
                .as("a moment before %s", time)
                .isFalse();
        nowNanos.incrementAndGet();
        assertThat(patience.state().isOver(nowNanos.get())).as("after %s", time).isTrue();
    }

    private void beginHead() {
        patience.begin(Phase.IDLE);
        patience.beginHead(patience.state());
    }

    @Test
    void eachPhaseHasItsOwnTime() {
        assertLasts(IDLE);
        beginHead();
        assertLasts(SLOW);
        patience.begin(Phase.BODY);
        assertLasts(SLOW);
        patience.begin(Phase.ANSWER);
        assertLasts(SLOW);
        patience.begin(Phase.END);
        assertLasts(SLOW);
        patience.begin(Phase.IDLE);
        assertLasts(IDLE);
    }

    @Test
    void workIsNotTheClientsFault() {
        beginHead();
        patience.begin(Phase.WORK);
        nowNanos.addAndGet(Duration.ofHours(1).toNanos());
        assertThat(patience.state().isOver(nowNanos.get())).isFalse();
        assertThat(patience.state().waitedNanos(nowNanos.get())).isZero();
    }

    @Test
    void aStepOfABodyOrAnAnswerBringsNewTimeAndLessDoesNot() {
        for (Phase phase : new Phase[] {Phase.BODY, Phase.ANSWER}) {
            beginHead();
            patience.begin(phase);
            nowNanos.addAndGet(SLOW.toNanos() - 1);
            patience.moved(Patience.STEP_BYTES - 1);
            assertThat(patience.state().isOver(nowNanos.get() + 1)).isTrue();
            patience.moved(1);
            assertLasts(SLOW);
        }
    }

    @Test
    void aBodyTakesNoLongerThanARequestMayHoweverItComes() {
        beginHead();
        patience.begin(Phase.BODY);
        for (Duration left = Patience.MAX_REQUEST_TIME; left.compareTo(SLOW) > 0; left = left.minus(SLOW)) {
            nowNanos.addAndGet(SLOW.toNanos());
            patience.moved(Patience.STEP_BYTES);
            assertThat(patience.state().isOver(nowNanos.get())).isFalse();
        }
        nowNanos.addAndGet(SLOW.toNanos() - 1);
        patience.moved(Patience.STEP_BYTES);
        assertThat(patience.state().isOver(nowNanos.get())).isFalse();
        assertThat(patience.state().isOver(nowNanos.get() + 1)).isTrue();
    }

    @Test
    void aHeadThatIsNoticedLateDoesNotTakeARequestForASlowOne() {
        Patience.State idle = patience.state();
        patience.begin(Phase.WORK);
        patience.beginHead(idle);
        assertThat(patience.state().phase()).isEqualTo(Phase.WORK);
    }

    @Test
    void aBodyHasItsTimeFromTheRequestsBeginAlsoIfNobodySawItsHead() {
        nowNanos.addAndGet(Duration.ofHours(1).toNanos());
        patience.begin(Phase.WORK);
        patience.begin(Phase.BODY);
        assertLasts(SLOW);
    }
}
