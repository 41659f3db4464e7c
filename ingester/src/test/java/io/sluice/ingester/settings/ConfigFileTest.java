package io.sluice.ingester.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.settings.ConfigFile.Line;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The configuration file says what Java's properties say, and each setting knows its line.
final class ConfigFileTest {
    @TempDir
    private Path folder = Path.of("");

    private List<Line> read(String text) throws IOException, InvalidSettingException {
        return ConfigFile.read(Files.writeString(folder.resolve("c.properties"), text));
    }

    private String failure(Map<Setting, String> options, Map<String, String> environment, String text)
            throws IOException {
        Path file = Files.writeString(folder.resolve("c.properties"), text);
        try {
            SettingLayers.gather(options, environment, Optional.of(file));
        } catch (InvalidSettingException e) {
            return String.valueOf(e.getMessage()).replace(file.toString(), "FILE");
        }
        throw new AssertionError("no failure for " + text);
    }

    @Test
    void everyFormOfAPropertyIsReadWithItsLine() throws Exception {
        assertThat(read("# comment \\\n\na=1\r\n  b : 2\n! c=3 \\\nd 4  \ne = x = y\n"))
                .containsExactly(
                        new Line(3, "a", "1"), new Line(4, "b", "2"), new Line(6, "d", "4"), new Line(7, "e", "x = y"));
    }

    @Test
    void aSettingThatGoesOnInTheNextLineHasTheNumberOfItsFirst() throws Exception {
        assertThat(read("a=1,\\\n   2,\\\n#3\nb=\\\\\nc=4\\"))
                .containsExactly(new Line(1, "a", "1,2,#3"), new Line(4, "b", "\\"), new Line(5, "c", "4"));
    }

    @Test
    void theMarkOfWindowsEditorsBelongsToNoKey() throws Exception {
        assertThat(read("\ufeffwal-dir=/x\n")).containsExactly(new Line(1, "wal-dir", "/x"));
        assertThat(read("\ufeff# comment\n")).isEmpty();
    }

    @Test
    void aFileThatCannotBeReadIsNamed() throws IOException {
        assertThatThrownBy(() -> ConfigFile.read(folder.resolve("none")))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessage("--config: there is no file %s", folder.resolve("none"));
        assertThatThrownBy(() -> ConfigFile.read(folder))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageStartingWith("--config %s: cannot read it: ".formatted(folder));
        Path latin = Files.write(folder.resolve("latin"), "a=\u00e9".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> ConfigFile.read(latin))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessage("--config %s: expected UTF-8", latin);
    }

    @Test
    void aMalformedEscapeIsNamedWithItsLine() {
        assertThatThrownBy(() -> read("a=1\nb=\\u00zz\n"))
                .isInstanceOf(InvalidSettingException.class)
                .hasMessageContaining("c.properties line 2: ");
    }

    @Test
    void aMistakeInTheFileIsNamedWithItsLine() throws IOException {
        assertThat(failure(Map.of(), Map.of(), "log-level=info\nwal-dir\n"))
                .isEqualTo("FILE line 2: 'wal-dir' is empty: expected DIR");
        assertThat(failure(Map.of(), Map.of(), "log-level=info\n\nlog-level=warn\n"))
                .isEqualTo("FILE line 3: 'log-level' is set in line 1 already");
        assertThat(failure(Map.of(), Map.of(), "=info\n"))
                .isEqualTo("FILE line 1: '' is no setting: see sluice serve --help");
        assertThat(failure(Map.of(), Map.of(), "WAL_DIR=/x\n"))
                .isEqualTo("FILE line 1: 'WAL_DIR' is no setting: see sluice serve --help");
    }

    @Test
    void anEmptyVariableOrOptionIsNamed() throws IOException {
        assertThat(failure(Map.of(), Map.of("SLUICE_WAL_DIR", " "), ""))
                .isEqualTo("variable SLUICE_WAL_DIR is empty: expected DIR");
        assertThat(failure(Map.of(Setting.WAL_DIR, ""), Map.of(), ""))
                .isEqualTo("option --wal-dir is empty: expected DIR");
    }

    @Test
    void addressesAreReadWithIpv6AndNonsenseIsRefused() {
        assertThat(SettingValues.parseAddress("127.0.0.1:0").getPort()).isZero();
        assertThat(SettingValues.parseAddress("[::1]:8087").getAddress().isLoopbackAddress())
                .isTrue();
        for (String wrong : new String[] {
            "",
            ":8087",
            "8087",
            "127.0.0.1:",
            "127.0.0.1:http",
            "127.0.0.1:-1",
            "127.0.0.1:+80",
            "127.0.0.1:65536",
            "::1:8087",
            "[::1:8087",
            "::1]:8087",
            "[]:8087",
            "[127.0.0.1]:80"
        }) {
            assertThatThrownBy(() -> SettingValues.parseAddress(wrong))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void durationsAreReadInEveryUnit() {
        assertThat(List.of("5ms", "5s", "5 m", "5h", "5d", "PT0.5S"))
                .extracting(text -> SettingValues.parseDuration(text).toMillis())
                .containsExactly(5L, 5_000L, 300_000L, 18_000_000L, 432_000_000L, 500L);
    }

    /// Java's own reader of the whole text agrees on every setting, whatever the text is made of.
    @Test
    void everyTextSaysWhatJavasPropertiesSay() throws Exception {
        String[] fragments = {
            "a", "b=", "c:", " ", "\t", "\n", "\n", "\r\n", "\\", "\\\n", "\\\\", "#", "!", "=", "x y", "\\t", "\\=",
            "\u00e9",
        };
        int settings = 0;
        for (long seed = 0; seed < 1_500; seed++) {
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(30); i > 0; i--) {
                text.append(fragments[random.nextInt(fragments.length)]);
            }
            if (text.toString().lines().anyMatch(line -> line.strip().equals("\\"))) {
                continue; // Java takes the blank lines behind it for a part of the setting; nobody means that
            }
            Properties expected = new Properties();
            expected.load(new StringReader(text.toString()));
            List<Line> lines = new ArrayList<>(read(text.toString()));
            Map<String, String> found =
                    lines.stream().collect(Collectors.toMap(Line::key, Line::value, (_, later) -> later));
            assertThat(found)
                    .as("seed %d: %s", seed, text)
                    .isEqualTo(expected.stringPropertyNames().stream()
                            .collect(Collectors.toMap(
                                    key -> key, key -> expected.getProperty(key).strip())));
            settings += lines.size();
        }
        assertThat(settings).isGreaterThan(1_500);
    }
}
