package io.sluice.ingester.replay;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.wal.ReplayProgress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class ReplayWatchTest {
    private final AtomicReference<ReplayProgress> progress = new AtomicReference<>(new ReplayProgress(0, 0));
    private final AtomicLong rows = new AtomicLong();
    private final AtomicLong nowNs = new AtomicLong(-5);
    private final ReplayWatch watch = new ReplayWatch(progress::get, rows::get, nowNs::get);

    private void pass(Duration time) {
        nowNs.addAndGet(time.toNanos());
    }

    @Test
    void beforeTheReplayNothingIsDone() {
        pass(Duration.ofHours(1));
        assertThat(watch.status()).isEqualTo(new ReplayStatus(0, 0, 0, Duration.ZERO, Optional.empty()));
        assertThat(watch.status().percent()).isZero();
        assertThat(watch.status().isEnded()).isFalse();
    }

    @Test
    void theTimeLeftFollowsFromTheRateSoFar() {
        watch.begin();
        pass(Duration.ofSeconds(4));
        progress.set(new ReplayProgress(250, 1_000));
        rows.set(17);
        ReplayStatus status = watch.status();
        assertThat(status)
                .isEqualTo(
                        new ReplayStatus(250, 1_000, 17, Duration.ofSeconds(4), Optional.of(Duration.ofSeconds(12))));
        assertThat(status.percent()).isEqualTo(25);
    }

    @Test
    void theTimeLeftIsUnknownAsLongAsThereIsNoRate() {
        watch.begin();
        pass(Duration.ofMillis(199));
        progress.set(new ReplayProgress(250, 1_000));
        assertThat(watch.status().left()).isEmpty();
        progress.set(new ReplayProgress(0, 1_000));
        pass(Duration.ofMinutes(1));
        assertThat(watch.status().left()).isEmpty();
    }

    /// The last writes that were read are still to be applied.
    @Test
    void aReplayThatHasReadAllHasNotEnded() {
        watch.begin();
        pass(Duration.ofSeconds(1));
        progress.set(new ReplayProgress(1_000, 1_000));
        assertThat(watch.status().isEnded()).isFalse();
        assertThat(watch.status().percent()).isEqualTo(100);
    }

    @Test
    void theLastStatusStays() {
        watch.begin();
        pass(Duration.ofSeconds(2));
        progress.set(new ReplayProgress(990, 1_000));
        rows.set(5);
        watch.end();
        pass(Duration.ofHours(1));
        rows.set(0);
        ReplayStatus status = watch.status();
        assertThat(status)
                .isEqualTo(new ReplayStatus(1_000, 1_000, 5, Duration.ofSeconds(2), Optional.of(Duration.ZERO)));
        assertThat(status.isEnded()).isTrue();
    }

    @Test
    void theReplayOfAnEmptyLogEndsAt100Percent() {
        watch.begin();
        watch.end();
        assertThat(watch.status().percent()).isEqualTo(100);
    }
}
