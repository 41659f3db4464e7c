package io.sluice.ingester.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.ledger.LedgerLimits;
import io.sluice.persist.GateTimeout;
import io.sluice.persist.PersistGateSettings;
import io.sluice.wal.GroupLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ServeSettingsTest {
    private static final long ARBITRARY_MEMORY = 8L << 30;

    @TempDir
    private Path folder = Path.of("");

    private static ServeSettings resolve(Map<Setting, String> options, Map<String, String> environment)
            throws InvalidSettingException {
        return ServeSettings.resolve(options, environment, Optional.empty(), ARBITRARY_MEMORY);
    }

    private Path config(String text) throws IOException {
        return Files.writeString(folder.resolve("sluice.properties"), text);
    }

    @Test
    void theDefaultsAreThoseOfTheHelp() throws InvalidSettingException {
        ServeSettings settings = resolve(Map.of(), Map.of());
        assertThat(settings.maxRequestBytes()).isEqualTo(64 << 20);
        assertThat(settings.persistMaxAge()).isEqualTo(Duration.ofMinutes(5));
        assertThat(settings.memory().memoryBytes()).isEqualTo(ARBITRARY_MEMORY / 2);
        assertThat(settings.bufferBytes()).isEqualTo(ARBITRARY_MEMORY / 32 * 5);
        assertThat(settings.httpBind().getPort()).isEqualTo(8086);
        assertThat(settings.wal().directory())
                .isEqualTo(settings.dataDirectory().resolve("wal"));
    }

    @Test
    void anOptionWinsOverAVariableAndAVariableOverTheFile() throws Exception {
        Optional<Path> file = Optional.of(config("persist-workers=3\npersist-queue-depth=30\npersist-max-age=30s\n"));
        ServeSettings settings = ServeSettings.resolve(
                Map.of(Setting.PERSIST_WORKERS, "1"),
                Map.of("SLUICE_PERSIST_WORKERS", "2", "SLUICE_PERSIST_QUEUE_DEPTH", "20"),
                file,
                ARBITRARY_MEMORY);
        assertThat(settings.persist().workers()).isEqualTo(1);
        assertThat(settings.persist().queueDepth()).isEqualTo(20);
        assertThat(settings.persistMaxAge()).isEqualTo(Duration.ofSeconds(30));
    }

    @Test
    void theMemoryOfPersistMayBeAShareOfTheLedger() throws Exception {
        ServeSettings settings = resolve(Map.of(Setting.MEMORY, "16GiB", Setting.PERSIST_MEMORY, "25%"), Map.of());
        assertThat(settings.persist().gate().memoryBytes()).isEqualTo((9L << 30) / 100 * 25);
        assertThat(settings.shown(Setting.PERSIST_MEMORY)).isEqualTo("25%");
        assertThatThrownBy(() -> resolve(Map.of(Setting.MEMORY, "16GiB", Setting.PERSIST_MEMORY, "45%"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("expected at most %d, a quarter of --memory".formatted(4L << 30));
        for (String senseless : List.of("0%", "100%", "-5%", "%", "many%")) {
            assertThatThrownBy(() -> resolve(Map.of(Setting.PERSIST_MEMORY, senseless), Map.of()))
                    .as(senseless)
                    .isInstanceOf(InvalidSettingException.class)
                    .hasMessageContaining(
                            "--persist-memory is '%s': expected a size such as 64MiB".formatted(senseless))
                    .hasMessageContaining("or a share such as 40%");
        }
    }

    @Test
    void theGateHasItsSlotsItsMemoryAndItsRule() throws InvalidSettingException {
        var settings = resolve(
                Map.of(
                        Setting.PERSIST_CONCURRENCY,
                        "1000",
                        Setting.PERSIST_MEMORY,
                        "1MiB",
                        Setting.PERSIST_GATE_TIMEOUT,
                        "median"),
                Map.of());
        assertThat(settings.persist().gate())
                .isEqualTo(new PersistGateSettings(1_000, 1 << 20, GateTimeout.of(GateTimeout.Mode.MEDIAN)));
        assertThatThrownBy(() -> resolve(Map.of(Setting.PERSIST_CONCURRENCY, "1001"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("--persist-concurrency");
        assertThatThrownBy(() -> resolve(Map.of(Setting.PERSIST_GATE_TIMEOUT, "mean"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("--persist-gate-timeout")
                .hasMessageContaining("position or median");
    }

    @Test
    void theGateWaitsWithinItsBounds() throws InvalidSettingException {
        assertThat(resolve(Map.of(), Map.of()).persist().gate().timeout()).isEqualTo(GateTimeout.DEFAULT);
        var settings = resolve(
                Map.of(
                        Setting.PERSIST_GATE_TIMEOUT_DEFAULT,
                        "2s",
                        Setting.PERSIST_GATE_TIMEOUT_FLOOR,
                        "100ms",
                        Setting.PERSIST_GATE_TIMEOUT_CAP,
                        "1d"),
                Map.of());
        assertThat(settings.persist().gate().timeout())
                .isEqualTo(new GateTimeout(
                        GateTimeout.Mode.POSITION, Duration.ofSeconds(2), Duration.ofMillis(100), Duration.ofDays(1)));
        assertThatThrownBy(() -> resolve(Map.of(Setting.PERSIST_GATE_TIMEOUT_CAP, "2d"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("--persist-gate-timeout-cap")
                .hasMessageContaining("at most 1d");
        assertThatThrownBy(() -> resolve(Map.of(Setting.PERSIST_GATE_TIMEOUT_FLOOR, "61s"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessage("--persist-gate-timeout-floor is PT1M1S and --persist-gate-timeout-cap PT1M:"
                        + " expected the first no greater");
    }

    @Test
    void aGroupOfTheLogHasItsBounds() throws InvalidSettingException {
        assertThat(resolve(Map.of(), Map.of()).wal().group()).isEqualTo(GroupLimits.DEFAULT);
        assertThat(resolve(
                                Map.of(
                                        Setting.WAL_GROUP_DELAY,
                                        "1ms",
                                        Setting.WAL_GROUP_SIBLINGS,
                                        "9",
                                        Setting.WAL_GROUP_BYTES,
                                        "64KiB"),
                                Map.of())
                        .wal()
                        .group())
                .isEqualTo(new GroupLimits(Duration.ofMillis(1), 9, 65_536));
        assertThatThrownBy(() -> resolve(Map.of(Setting.WAL_GROUP_BYTES, "5MiB"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("--wal-group-bytes")
                .hasMessageContaining("from 1 to 4194304 bytes");
    }

    @Test
    void sizesAndDurationsAreReadInTheUnitsOfPeople() throws InvalidSettingException {
        assertThat(resolve(Map.of(Setting.PERSIST_HOT_BYTES, "1MB"), Map.of()).persistHotBytes())
                .isEqualTo(1_000_000);
        assertThat(resolve(Map.of(Setting.PERSIST_HOT_BYTES, "1 MiB"), Map.of()).persistHotBytes())
                .isEqualTo(1 << 20);
        assertThat(resolve(Map.of(Setting.PERSIST_HOT_BYTES, "123456"), Map.of())
                        .persistHotBytes())
                .isEqualTo(123_456);
        assertThat(resolve(Map.of(Setting.SHUTDOWN_DEADLINE, "PT1M"), Map.of()).shutdownDeadline())
                .isEqualTo(Duration.ofMinutes(1));
        assertThat(resolve(Map.of(Setting.SHUTDOWN_DEADLINE, "250ms"), Map.of()).shutdownDeadline())
                .isEqualTo(Duration.ofMillis(250));
    }

    @Test
    void aValueThatMakesNoSenseIsNamedWithWhereItComesFromAndWhatWasExpected() {
        assertThatThrownBy(() -> resolve(Map.of(Setting.HTTP_BIND, "8086"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessage("option --http-bind is '8086': expected HOST:PORT, such as 127.0.0.1:8086");
        assertThatThrownBy(() -> resolve(Map.of(), Map.of("SLUICE_PARQUET_ZSTD_LEVEL", "23")))
                .hasMessage("variable SLUICE_PARQUET_ZSTD_LEVEL is '23': expected a number from 1 to 22");
        assertThatThrownBy(() -> resolve(Map.of(Setting.PERSIST_MAX_AGE, "0s"), Map.of()))
                .hasMessageContaining("expected a duration");
        assertThatThrownBy(() -> resolve(Map.of(Setting.WAL_SEGMENT_BYTES, "99999999999999999999GiB"), Map.of()))
                .hasMessageContaining("expected a size");
        assertThatThrownBy(() -> resolve(Map.of(Setting.CREATE_ON_WRITE, "yes"), Map.of()))
                .hasMessageContaining("expected true or false");
        assertThatThrownBy(() -> resolve(Map.of(Setting.INFLIGHT_BYTES, "2MiB"), Map.of()))
                .hasMessageContaining("--max-request-bytes");
    }

    @Test
    void littleMemoryMakesTheOtherLimitsLessByThemselves() throws InvalidSettingException {
        ServeSettings settings = resolve(Map.of(Setting.MEMORY, "512MiB"), Map.of());
        assertThat(settings.memory().memoryBytes()).isEqualTo(512 << 20);
        assertThat(settings.bufferBytes()).isEqualTo(160 << 20);
        assertThat(settings.queryMemoryBytes()).isEqualTo(32 << 20);
        assertThat(settings.inflightBytes()).isEqualTo(32 << 20);
        assertThat(settings.maxRequestBytes()).isEqualTo(16 << 20);
        assertThat(settings.persistHotBytes()).isEqualTo(20 << 20);
        assertThat(settings.persist().gate().memoryBytes()).isEqualTo(128 << 20);
        assertThat(settings.ledger()).isEqualTo(new LedgerLimits(288 << 20, 160 << 20, 128 << 20));
        assertThat(settings.shown(Setting.PERSIST_MEMORY))
                .as("what is in force")
                .isEqualTo("134217728");
        assertThat(settings.shown(Setting.MEMORY)).isEqualTo("512MiB");
        ServeSettings plenty = resolve(Map.of(Setting.MEMORY, "64GiB"), Map.of());
        assertThat(plenty.inflightBytes()).as("never more than the default").isEqualTo(128 << 20);
        assertThat(plenty.persistHotBytes()).isEqualTo(64 << 20);
        assertThat(plenty.shown(Setting.INFLIGHT_BYTES)).isEqualTo("128MiB");
        assertThat(plenty.shown(Setting.BUFFER_BYTES)).isEqualTo("21474836480");
        assertThat(plenty.bufferBytes()).as("has none").isEqualTo(20L << 30);
    }

    @Test
    void limitsThatDoNotFitIntoTheMemoryAreRefusedWithBoth() {
        assertThatThrownBy(() -> resolve(Map.of(Setting.MEMORY, "1GiB", Setting.BUFFER_BYTES, "512MiB"), Map.of()))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessage("--buffer-bytes is 536870912 and --query-memory 67108864: expected at most 402653184"
                        + " together, three eighths of --memory, which is 1073741824");
        assertThatThrownBy(() -> resolve(Map.of(Setting.MEMORY, "1GiB", Setting.QUERY_MEMORY, "80MiB"), Map.of()))
                .hasMessageContaining("--query-memory 83886080");
        assertThatThrownBy(() -> resolve(Map.of(Setting.MEMORY, "1GiB", Setting.PERSIST_MEMORY, "300MiB"), Map.of()))
                .hasMessageContaining("--persist-memory is 314572800: expected at most 268435456");
        assertThatThrownBy(() -> resolve(Map.of(Setting.MEMORY, "1GiB", Setting.INFLIGHT_BYTES, "200MiB"), Map.of()))
                .hasMessageContaining("--inflight-bytes is 209715200: expected at most 134217728");
        assertThatThrownBy(() -> resolve(Map.of(Setting.MEMORY, "200MiB"), Map.of()))
                .hasMessage("option --memory is '200MiB': expected a size such as 64MiB,"
                        + " from 268435456 to 1125899906842624 bytes");
        assertThatThrownBy(
                        () -> resolve(Map.of(Setting.MEMORY, "512MiB", Setting.MAX_REQUEST_BYTES, "64MiB"), Map.of()))
                .hasMessageContaining("--max-request-bytes is 67108864 and --inflight-bytes 33554432");
    }

    @Test
    void aSettingThatNobodyKnowsIsNamed() throws Exception {
        Optional<Path> file = Optional.of(config("wal-dri=/x\n"));
        assertThatThrownBy(() -> ServeSettings.resolve(Map.of(), Map.of(), file, ARBITRARY_MEMORY))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("'wal-dri' is no setting");
        assertThatThrownBy(() -> resolve(Map.of(), Map.of("SLUICE_WAL_DRI", "/x")))
                .hasMessageContaining("SLUICE_WAL_DRI is no setting");
    }

    @Test
    void theReadmeNamesEverySettingWithItsDefault() throws IOException {
        String readme = Files.readString(Path.of("../README.md"));
        for (Setting setting : Setting.values()) {
            String expected = setting.defaultValue().isEmpty() ? "" : "`" + setting.defaultValue() + "`";
            assertThat(readme).contains("| `%s` | %s | ".formatted(setting.option(), expected));
        }
    }

    @Test
    void theReadmeMarksWhatCanBeChangedWhileRunning() throws IOException {
        List<String> lines = Files.readAllLines(Path.of("../README.md"));
        for (Setting setting : Setting.values()) {
            assertThat(lines.stream().filter(line -> line.startsWith("| `%s` |".formatted(setting.option()))))
                    .singleElement()
                    .satisfies(line ->
                            assertThat(line.endsWith(" (live) |")).as(line).isEqualTo(setting.isLive()));
        }
    }
}
