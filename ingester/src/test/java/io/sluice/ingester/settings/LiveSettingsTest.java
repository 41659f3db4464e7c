package io.sluice.ingester.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.settings.LiveSettings.Assignment;
import io.sluice.ingester.settings.LiveSettings.Change;
import io.sluice.ingester.settings.LiveSettings.Shown;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A change is in force as a whole, or not at all.
final class LiveSettingsTest {
    private static final long ARBITRARY_MEMORY = 128L << 30;
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final List<String> told = new ArrayList<>();

    @TempDir
    private Path folder = Path.of("");

    private LiveSettings live(Map<Setting, String> options, Map<String, String> environment, Optional<Path> file)
            throws InvalidSettingException {
        LiveSettings live = new LiveSettings(
                ServeSettings.resolve(options, environment, file, ARBITRARY_MEMORY), () -> NOW, metrics);
        live.onChange(
                now -> told.add("gate " + now.persist().gate().slots() + " "
                        + now.persist().gate().memoryBytes()),
                Setting.PERSIST_CONCURRENCY,
                Setting.PERSIST_MEMORY);
        live.onChange(now -> told.add("budget " + now.inflightBytes()), Setting.INFLIGHT_BYTES, Setting.INFLIGHT_OPS);
        return live;
    }

    private LiveSettings live() throws InvalidSettingException {
        return live(Map.of(), Map.of(), Optional.empty());
    }

    private Path config(String text) throws IOException {
        return Files.writeString(folder.resolve("c.properties"), text);
    }

    private static List<Assignment> assignments(String... texts) {
        List<Assignment> assignments = new ArrayList<>();
        for (String text : texts) {
            String[] parts = text.split("=", 2);
            assignments.add(new Assignment(parts[0], parts[1]));
        }
        return assignments;
    }

    private static Shown shown(LiveSettings live, Setting setting) {
        return live.shown().stream()
                .filter(shown -> shown.setting() == setting)
                .findFirst()
                .orElseThrow();
    }

    private double changes(String result) {
        return metrics.get("sluice.settings.changes")
                .tag("result", result)
                .counter()
                .count();
    }

    @Test
    void eachPartHearsOfAChangeOnceWithAllValuesAndOthersDoNot() throws Exception {
        LiveSettings live = live();
        List<Change> changes = live.change(assignments("persist-memory=1GiB", "persist-concurrency=7"), false);
        assertThat(changes)
                .containsExactly(
                        new Change(Setting.PERSIST_CONCURRENCY, "4", "7"),
                        new Change(Setting.PERSIST_MEMORY, "2GiB", "1GiB"));
        assertThat(told).containsExactly("gate 7 " + (1L << 30));
        assertThat(live.current().persist().gate().slots()).isEqualTo(7);
        assertThat(changes("applied")).isEqualTo(1);
    }

    @Test
    void aChangeIsToldWithItsTimeAndWhereItComesFrom() throws Exception {
        LiveSettings live = live(Map.of(Setting.PERSIST_MEMORY, "3GiB"), Map.of(), Optional.empty());
        assertThat(shown(live, Setting.PERSIST_MEMORY))
                .isEqualTo(new Shown(Setting.PERSIST_MEMORY, "3GiB", "option", Optional.empty()));
        assertThat(shown(live, Setting.PERSIST_CONCURRENCY).from()).isEqualTo("default");
        live.change(assignments("persist-memory= 1GiB "), false);
        assertThat(shown(live, Setting.PERSIST_MEMORY))
                .isEqualTo(new Shown(Setting.PERSIST_MEMORY, "1GiB", "sluice reconfigure", Optional.of(NOW)));
    }

    @Test
    void whatFollowsFromTheMachineIsShownAsANumber() throws Exception {
        assertThat(shown(live(), Setting.BUFFER_BYTES).value())
                .isEqualTo(Long.toString(live().current().bufferBytes()));
    }

    @Test
    void aTrialTellsWhatItWouldDoAndDoesNothing() throws Exception {
        LiveSettings live = live();
        assertThat(live.change(assignments("persist-concurrency=7"), true))
                .containsExactly(new Change(Setting.PERSIST_CONCURRENCY, "4", "7"));
        assertThat(live.current().persist().gate().slots()).isEqualTo(4);
        assertThat(told).isEmpty();
        assertThat(changes("applied")).isZero();
    }

    @Test
    void aValueThatIsInForceAlreadyChangesNothing() throws Exception {
        LiveSettings live = live();
        assertThat(live.change(assignments("persist-concurrency=4"), false)).isEmpty();
        assertThat(told).isEmpty();
        assertThat(shown(live, Setting.PERSIST_CONCURRENCY).from()).isEqualTo("default");
    }

    @Test
    void oneMistakeAndNothingOfTheCallIsInForce() throws Exception {
        LiveSettings live = live();
        Map<String, String> mistakes = Map.of(
                "persist-concurrency=0", "persist-concurrency is '0': expected a number from 1 to 1000",
                "persist-concurrency=", "persist-concurrency is empty: expected N",
                "persist-concurrancy=5",
                        "'persist-concurrancy' is no setting: sluice reconfigure lists those that can be" + " changed",
                "--persist-concurrency=5",
                        "'--persist-concurrency' is no setting: sluice reconfigure lists those that"
                                + " can be changed",
                "wal-dir=/x", "'wal-dir' cannot be changed while the server runs: a restart is needed",
                "persist-memory=2GiB", "'persist-memory' is given twice",
                "inflight-bytes=2MiB",
                        "--max-request-bytes is 67108864 and --inflight-bytes 2097152: expected the first"
                                + " no greater",
                "log-level=loud", "log-level is 'loud': expected error, warn, info or debug");
        for (Map.Entry<String, String> mistake : mistakes.entrySet()) {
            assertThatThrownBy(() -> live.change(assignments("persist-memory=1GiB", mistake.getKey()), false))
                    .as(mistake.getKey())
                    .isInstanceOf(InvalidSettingException.class)
                    .hasMessage(mistake.getValue());
        }
        assertThatThrownBy(() -> live.change(List.of(), false)).hasMessageContaining("KEY=VALUE");
        assertThat(told).isEmpty();
        assertThat(live.current().persist().gate().memoryBytes()).isEqualTo(2L << 30);
        assertThat(changes("refused")).isEqualTo(mistakes.size() + 1);
    }

    @Test
    void aPartMayDemandMoreThanAStartDoes() throws Exception {
        LiveSettings live = live();
        live.require(now -> {
            if (now.inflightBytes() > 1L << 30) {
                throw new InvalidSettingException("too much");
            }
        });
        assertThatThrownBy(() -> live.change(assignments("inflight-bytes=2GiB"), true))
                .hasMessage("too much");
        assertThatThrownBy(() -> live.change(assignments("inflight-bytes=2GiB"), false))
                .hasMessage("too much");
        assertThat(told).isEmpty();
        live.change(assignments("inflight-bytes=1GiB"), false);
        assertThat(told).containsExactly("budget " + (1L << 30));
    }

    /// What was checked must be taken. If a part fails all the same, those before it are put back.
    @Test
    void ifAPartFailsTheOthersGetTheirOldValuesBack() throws Exception {
        LiveSettings live = live();
        live.onChange(
                now -> {
                    if (now.inflightOps() == 7) {
                        throw new IllegalStateException("a bug");
                    }
                },
                Setting.INFLIGHT_OPS);
        assertThatThrownBy(() -> live.change(assignments("inflight-ops=7", "inflight-bytes=1GiB"), false))
                .isInstanceOf(IllegalStateException.class);
        assertThat(told).containsExactly("budget " + (1L << 30), "budget " + (128L << 20));
        assertThat(live.current().inflightOps()).isEqualTo(65_536);
        assertThat(shown(live, Setting.INFLIGHT_OPS).changedAt()).isEmpty();
    }

    @Test
    void aPartThatIsMadeLaterHearsOfWhatIsInForceFirst() throws Exception {
        LiveSettings live = live();
        live.change(assignments("inflight-ops=9"), false);
        List<Integer> heard = new ArrayList<>();
        live.follow(now -> heard.add(now.inflightOps()), Setting.INFLIGHT_OPS);
        live.change(assignments("inflight-ops=10"), false);
        live.change(assignments("persist-concurrency=10"), false);
        assertThat(heard).containsExactly(9, 10);
    }

    @Test
    void aMistakeOfTheWiringIsFound() throws Exception {
        LiveSettings live = live();
        assertThat(live.mismatches()).contains(Setting.LOG_LEVEL).doesNotContain(Setting.PERSIST_MEMORY);
        live.readWhenUsed(Setting.LOG_LEVEL, Setting.WAL_DIR);
        assertThat(live.mismatches()).contains(Setting.WAL_DIR).doesNotContain(Setting.LOG_LEVEL);
    }

    @Test
    void whatDiffersInTheFileIsInForceAfterReload() throws Exception {
        Path file = config("persist-concurrency=5\npersist-memory=1GiB\n");
        LiveSettings live = live(Map.of(), Map.of(), Optional.of(file));
        config("# slower\npersist-memory=1GiB\npersist-concurrency=3\n");
        assertThat(live.reload()).containsExactly(new Change(Setting.PERSIST_CONCURRENCY, "5", "3"));
        assertThat(told).containsExactly("gate 3 " + (1L << 30));
        assertThat(shown(live, Setting.PERSIST_CONCURRENCY))
                .isEqualTo(new Shown(Setting.PERSIST_CONCURRENCY, "3", file + " line 3", Optional.of(NOW)));
    }

    @Test
    void aLineThatIsGoneGoesBackToTheDefault() throws Exception {
        LiveSettings live = live(Map.of(), Map.of(), Optional.of(config("persist-concurrency=5\n")));
        config("");
        assertThat(live.reload()).containsExactly(new Change(Setting.PERSIST_CONCURRENCY, "5", "4"));
        assertThat(shown(live, Setting.PERSIST_CONCURRENCY).from()).isEqualTo("default");
    }

    @Test
    void optionsAndVariablesWinOverTheFileStill() throws Exception {
        LiveSettings live = live(
                Map.of(Setting.PERSIST_CONCURRENCY, "9"),
                Map.of("SLUICE_PERSIST_MEMORY", "1GiB"),
                Optional.of(config("")));
        config("persist-concurrency=3\npersist-memory=4GiB\ninflight-ops=5\n");
        assertThat(live.reload()).containsExactly(new Change(Setting.INFLIGHT_OPS, "65536", "5"));
        assertThat(live.current().persist().gate().slots()).isEqualTo(9);
        assertThat(live.current().persist().gate().memoryBytes()).isEqualTo(1L << 30);
    }

    @Test
    void whatACallHasChangedStaysUntilTheFileSaysSomethingNewOfIt() throws Exception {
        LiveSettings live = live(Map.of(), Map.of(), Optional.of(config("persist-concurrency=5\n")));
        live.change(assignments("persist-concurrency=7", "inflight-ops=9"), false);
        assertThat(live.reload()).isEmpty();
        config("persist-concurrency=5\ninflight-ops=11\n");
        assertThat(live.reload()).containsExactly(new Change(Setting.INFLIGHT_OPS, "9", "11"));
        assertThat(live.current().persist().gate().slots()).isEqualTo(7);
        config("persist-concurrency=6\ninflight-ops=11\n");
        assertThat(live.reload()).containsExactly(new Change(Setting.PERSIST_CONCURRENCY, "7", "6"));
    }

    @Test
    void aCallWinsOverAnOptionAndTheFileThenHasNoSay() throws Exception {
        LiveSettings live = live(Map.of(Setting.PERSIST_CONCURRENCY, "9"), Map.of(), Optional.of(config("")));
        live.change(assignments("persist-concurrency=7"), false);
        config("persist-concurrency=3\n");
        assertThat(live.reload()).isEmpty();
        assertThat(live.current().persist().gate().slots()).isEqualTo(7);
    }

    @Test
    void aFileThatCannotBeUsedChangesNothingAndTheNextOneIsComparedWithTheLastGoodOne() throws Exception {
        Path file = config("persist-concurrency=5\n");
        LiveSettings live = live(Map.of(), Map.of(), Optional.of(file));
        String[] broken = {
            "persist-concurrency=6\npersist-memory=many\n",
            "persist-concurrency=6\npersist-memry=1GiB\n",
            "persist-concurrency=6\npersist-concurrency=7\n",
            "persist-concurrency=6\nwal-dir=/x\n",
            "persist-concurrency=6\npersist-memory\n",
            "persist-concurrency=6\ninflight-bytes=2MiB\n",
            "persist-concurrency=6\nx=\\u00zz\n",
        };
        for (String text : broken) {
            config(text);
            assertThat(live.reload()).as(text).isEmpty();
        }
        Files.delete(file);
        assertThat(live.reload()).isEmpty();
        assertThat(told).isEmpty();
        assertThat(live.current().persist().gate().slots()).isEqualTo(5);
        assertThat(changes("refused")).isEqualTo(broken.length + 1);
        config("persist-concurrency=6\n");
        assertThat(live.reload()).containsExactly(new Change(Setting.PERSIST_CONCURRENCY, "5", "6"));
    }

    @Test
    void aSettingOfTheFileThatNeedsARestartKeepsTheOthersFromChanging() throws Exception {
        LiveSettings live = live(Map.of(), Map.of(), Optional.of(config("persist-workers=3\n")));
        config("persist-concurrency=6\n");
        assertThat(live.reload()).isEmpty();
        assertThat(told).isEmpty();
    }

    @Test
    void withoutAFileThereIsNothingToReload() throws Exception {
        assertThat(live().reload()).isEmpty();
        assertThat(changes("refused")).isZero();
    }
}
