package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/// A watch of a server that answers as a script says.
final class StatusWatchTest {
    private static final Duration ARBITRARY_INTERVAL = Duration.ofSeconds(2);

    private final StringWriter shown = new StringWriter();
    private final Deque<Supplier<JsonNode>> script = new ArrayDeque<>();

    private static JsonNode answer(long uptimeSeconds, long writes) {
        ObjectMapper mapper = new ObjectMapper();
        return mapper.createObjectNode()
                .put("state", "running")
                .put("started_at", "2026-11-21T10:00:00Z")
                .put("uptime_seconds", uptimeSeconds)
                .set("totals", mapper.createObjectNode().put("writes", writes));
    }

    private static Supplier<JsonNode> failure(int exitCode, String message) {
        return () -> {
            throw new CommandFailedException(exitCode, message);
        };
    }

    private void watch(boolean inPlace) {
        watch(inPlace, new PrintWriter(shown));
    }

    private void watch(boolean inPlace, PrintWriter out) {
        new StatusWatch(
                        () -> Optional.ofNullable(script.poll()).orElseThrow().get(),
                        out,
                        inPlace,
                        Style.PLAIN,
                        interval -> {
                            assertThat(interval).isEqualTo(ARBITRARY_INTERVAL);
                            return !script.isEmpty();
                        })
                .run(ARBITRARY_INTERVAL);
    }

    @Test
    void theSecondLookHasRatesAndTheFirstHasNone() {
        script.addAll(List.of(() -> answer(10, 100), () -> answer(12, 300)));
        watch(false);
        List<String> lines = shown.toString()
                .lines()
                .filter(line -> line.contains(" writes"))
                .toList();
        assertThat(lines).hasSize(2);
        assertThat(lines.getFirst()).endsWith("100 writes");
        assertThat(lines.getLast()).endsWith("300 writes  100 writes/s");
    }

    @Test
    void inPlaceEachPageBeginsAtTheTopAndTheTerminalIsLeftAsItWas() {
        script.addAll(List.of(() -> answer(10, 100), () -> answer(12, 300)));
        watch(true);
        assertThat(shown.toString().split("\u001b\\[H", -1)).hasSize(3);
        assertThat(shown.toString()).startsWith("\u001b[?7l").endsWith(StatusWatch.RESTORE);
        assertThat(shown.toString().lines().filter(line -> line.contains(" writes")))
                .allMatch(line -> line.endsWith("\u001b[K"));
    }

    @Test
    void aServerThatDoesNotAnswerIsToldAndWaitedFor() {
        script.addAll(List.of(
                () -> answer(10, 100),
                failure(ExitCodes.UNAVAILABLE, "cannot reach the server at h:1: refused"),
                () -> answer(20, 600)));
        watch(true);
        assertThat(shown.toString())
                .contains("! cannot reach the server at h:1: refused; it is tried again")
                .contains("the last answer was:")
                .contains("600 writes  50 writes/s");
    }

    @Test
    void aServerThatNeverAnsweredIsToldAndWaitedForAsWell() {
        script.addAll(List.of(failure(ExitCodes.UNAVAILABLE, "no"), () -> answer(20, 600)));
        watch(true);
        assertThat(shown.toString())
                .contains("! no; it is tried again")
                .contains("600 writes")
                .doesNotContain("the last answer was:");
    }

    @Test
    void anAnswerThatIsNoneEndsTheWatch() {
        script.addAll(List.of(failure(ExitCodes.PARTIAL, "no JSON"), () -> answer(1, 1)));
        assertThatThrownBy(() -> watch(false)).isInstanceOf(CommandFailedException.class);
        assertThat(script).hasSize(1);
    }

    @Test
    void aPipeThatWasClosedEndsTheWatch() {
        script.addAll(List.of(() -> answer(10, 100), () -> answer(12, 300)));
        PrintWriter closed = new PrintWriter(new Writer() {
            @Override
            public void write(char[] chars, int from, int length) throws IOException {
                throw new IOException("Broken pipe");
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        });
        assertThatThrownBy(() -> watch(false, closed)).isInstanceOf(OutputClosedException.class);
        assertThat(script).hasSize(1);
    }
}
