package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Documents of a server, and the pages that people see of them.
final class StatusPageTest {
    private static byte[] resource(String name) throws IOException {
        try (InputStream in = StatusPageTest.class.getResourceAsStream(name)) {
            assertThat(in).as(name).isNotNull();
            return in.readAllBytes();
        }
    }

    private static ObjectNode document(String name) throws IOException {
        return (ObjectNode) new ObjectMapper().readTree(resource(name));
    }

    private static List<String> page(String name) throws IOException {
        return new String(resource(name), StandardCharsets.UTF_8).lines().toList();
    }

    private static List<String> plain(JsonNode document) {
        return StatusPage.lines(document, Optional.empty(), Style.PLAIN);
    }

    @Test
    void aBusyServerWithTroubleIsShownWithItsProblemsFirst() throws IOException {
        assertThat(plain(document("status-trouble.json"))).containsExactlyElementsOf(page("status-trouble.txt"));
    }

    @Test
    void aQuietServerIsShort() throws IOException {
        assertThat(plain(document("status-quiet.json"))).containsExactlyElementsOf(page("status-quiet.txt"));
    }

    @Test
    void ratesFollowFromTwoLooksAtOneProcess() throws IOException {
        ObjectNode before = document("status-quiet.json");
        ObjectNode now = document("status-quiet.json");
        now.put("uptime_seconds", before.at("/uptime_seconds").asDouble() + 2);
        ObjectNode totals = now.withObject("/totals");
        totals.put("writes", before.at("/totals/writes").asLong() + 2_468);
        totals.put("log_bytes", before.at("/totals/log_bytes").asLong() + (6 << 20));
        assertThat(StatusPage.lines(now, Optional.of(before), Style.PLAIN))
                .anyMatch(line -> line.endsWith(" writes  1,234 writes/s"))
                .anyMatch(line -> line.endsWith("  3.0 MiB/s"))
                .anyMatch(line -> line.endsWith(" rows  0 rows/s"));
        now.put("started_at", "2026-11-21T11:11:11Z");
        assertThat(StatusPage.lines(now, Optional.of(before), Style.PLAIN)).noneMatch(line -> line.endsWith("/s"));
    }

    @Test
    void whatTheCommandKnowsNothingOfIsShownAsItIs() throws IOException {
        ObjectNode document = document("status-quiet.json");
        document.putObject("weather")
                .put("rain_bytes", 3 << 20)
                .putArray("winds")
                .addObject()
                .put("from", "west")
                .put("knots", 12);
        List<String> lines = plain(document);
        assertThat(lines.subList(lines.indexOf("weather"), lines.indexOf("weather") + 5))
                .containsExactly(
                        "weather", "  rain bytes         3.0 MiB", "  winds", "    from  knots", "    west  12");
    }

    @Test
    void whatAServerDoesNotTellIsLeftOut() {
        assertThat(plain(new ObjectMapper().createObjectNode().put("state", "running")))
                .noneMatch(line -> line.contains("null") || line.contains("missing"));
    }

    @Test
    void nothingThatOthersWroteControlsTheTerminal() throws IOException {
        String nasty = "\u001b[2J\u0007\r\nrm";
        ObjectNode document = document("status-trouble.json");
        document.putArray("not_ready").add(nasty);
        document.put("ingester", nasty);
        document.withObject("/log").put("directory", nasty).put("failure", nasty);
        document.putObject(nasty).put(nasty, nasty);
        document.putArray("further\u001b").add(nasty);
        ((ObjectNode) document.at("/persist/jobs/0")).put("table", nasty).put("last_error", nasty);
        ((ObjectNode) document.at("/last_errors/0")).put("message", nasty);
        ((ObjectNode) document.at("/settings/0")).put("value", nasty);
        assertThat(plain(document))
                .allSatisfy(line -> assertThat(line.chars().noneMatch(Character::isISOControl))
                        .as(line)
                        .isTrue());
    }

    @Test
    void coloursSayTheSameAsThePlainPage() throws IOException {
        JsonNode document = document("status-trouble.json");
        List<String> coloured = StatusPage.lines(document, Optional.empty(), Style.ANSI);
        assertThat(coloured).anyMatch(line -> line.startsWith("\u001b[31m! "));
        assertThat(coloured.stream().map(line -> line.replaceAll("\u001b\\[\\d+m", "")))
                .containsExactlyElementsOf(plain(document));
    }

    @Test
    void coloursAreForPeopleWhoWantThem() {
        assertThat(Style.of(true, Map.of())).isEqualTo(Style.ANSI);
        assertThat(Style.of(true, Map.of("NO_COLOR", "1"))).isEqualTo(Style.PLAIN);
        assertThat(Style.of(true, Map.of("NO_COLOR", ""))).isEqualTo(Style.ANSI);
        assertThat(Style.of(false, Map.of())).isEqualTo(Style.PLAIN);
    }
}
