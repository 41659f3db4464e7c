package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class HangupTest {
    private final Hangup hangup = new Hangup();
    private final List<String> heard = new ArrayList<>();

    @Test
    void signalsBeforeAnybodyListensAreToldOnce() {
        hangup.hear();
        hangup.hear();
        hangup.listen(() -> heard.add("first"));
        assertThat(heard).containsExactly("first");
        hangup.listen(() -> heard.add("second"));
        assertThat(heard).containsExactly("first");
    }

    @Test
    void eachLaterSignalIsToldToWhoeverListensThen() {
        hangup.listen(() -> heard.add("a"));
        assertThat(heard).isEmpty();
        hangup.hear();
        hangup.hear();
        hangup.listen(() -> heard.add("b"));
        hangup.hear();
        assertThat(heard).containsExactly("a", "a", "b");
    }
}
