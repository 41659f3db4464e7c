package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.replay.ReplayStatus;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ReplayBarTest {
    private static final String CLEARED = "\r\u001b[K";
    private static final ReplayStatus HALF =
            new ReplayStatus(1 << 20, 1 << 21, 12_345, Duration.ofSeconds(3), Optional.of(Duration.ofMillis(61_500)));
    private static final String HALF_BAR =
            "[===============               ] 50 % of the log, 1.0 MiB of 2.0 MiB, 12,345 rows, 1m 2s left";

    private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
    private final ReplayBar bar = new ReplayBar(new PrintStream(screen, true, StandardCharsets.UTF_8));

    private String shown() {
        return screen.toString(StandardCharsets.UTF_8);
    }

    @Test
    void theBarIsRedrawnInItsLine() {
        bar.progress(HALF);
        assertThat(shown()).isEqualTo(HALF_BAR);
        bar.progress(HALF);
        assertThat(shown()).isEqualTo(HALF_BAR + CLEARED + HALF_BAR);
    }

    @Test
    void whatOthersPrintTakesTheBarsPlace() {
        bar.progress(HALF);
        bar.lines().print("a line\n");
        bar.lines().print("another\n");
        assertThat(shown()).isEqualTo(HALF_BAR + CLEARED + "a line\nanother\n");
        bar.progress(HALF);
        assertThat(shown()).endsWith("another\n" + HALF_BAR);
    }

    @Test
    void nothingOfItIsLeftAtTheEnd() {
        bar.progress(HALF);
        bar.progress(new ReplayStatus(1 << 21, 1 << 21, 1, Duration.ofSeconds(3), Optional.of(Duration.ZERO)));
        assertThat(shown()).isEqualTo(HALF_BAR + CLEARED);
        bar.close();
        bar.progress(HALF);
        assertThat(shown()).isEqualTo(HALF_BAR + CLEARED);
    }

    @Test
    void anEmptyLogHasNoBar() {
        bar.progress(new ReplayStatus(0, 0, 0, Duration.ZERO, Optional.empty()));
        assertThat(shown()).isEmpty();
    }
}
