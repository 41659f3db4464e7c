package io.sluice.ingester.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The document of `/status` as a page for people: problems first, then a section for each part of the server. What a
/// server does not tell is left out, and what it tells beyond that comes at the end as it is, so that command and
/// server need not be of one version. For one thread.
final class StatusPage {
    private static final int BAR_CHARS = 20;
    private static final int LABEL_CHARS = 15;
    /// From which part of a limit on a bar asks for attention.
    private static final double HIGH = 0.85;
    /// Of jobs that are shown, the oldest first.
    private static final int MAX_JOBS = 10;

    /// What has sections or lines of its own; `settings` are shown if they were changed.
    private static final Set<String> KNOWN = Set.of(
            "version",
            "state",
            "at",
            "started_at",
            "uptime_seconds",
            "ingester",
            "stable_sequence",
            "refusing",
            "not_ready",
            "oldest_unpersisted_seconds",
            "totals",
            "in_flight",
            "admission",
            "memory",
            "disks",
            "queries",
            "log",
            "replay",
            "buffer",
            "persist",
            "outages",
            "last_errors",
            "settings");

    private final JsonNode now;
    private final Optional<JsonNode> before;
    private final Style style;
    private final List<String> lines = new ArrayList<>();

    private StatusPage(JsonNode now, Optional<JsonNode> before, Style style) {
        this.now = now;
        this.before = before;
        this.style = style;
    }

    /// The page's lines.
    ///
    /// @param before an earlier document of the same server, from which rates follow
    static List<String> lines(JsonNode now, Optional<JsonNode> before, Style style) {
        StatusPage page = new StatusPage(now, before, style);
        page.write();
        return page.lines;
    }

    private void write() {
        head();
        problems();
        writes();
        queries();
        admission();
        memory();
        log();
        disks();
        replay();
        buffer();
        persist();
        changedSettings();
        further();
        errors();
    }

    private void head() {
        String state = text(now.at("/state"));
        lines.add(style.bold("sluice " + text(now.at("/version"))) + "  "
                + (state.equals("running") && !hasProblems() ? style.good(state) : style.bad(state))
                + seconds(now.at("/uptime_seconds"))
                        .map(uptime -> ", up " + Units.age(uptime))
                        .orElse("")
                + "  ingester " + text(now.at("/ingester")));
    }

    private boolean hasProblems() {
        return !problemTexts().isEmpty();
    }

    private void problems() {
        problemTexts().forEach(problem -> lines.add(style.bad("! " + problem)));
    }

    /// What is wrong, the gravest first.
    private List<String> problemTexts() {
        List<String> problems = new ArrayList<>();
        List<String> refusing = new ArrayList<>();
        now.at("/refusing").forEach(reason -> refusing.add(text(reason)));
        if (!refusing.isEmpty()) {
            problems.add("writes are refused: " + String.join(", ", refusing));
        }
        now.at("/not_ready").forEach(reason -> problems.add(text(reason)));
        for (JsonNode outage : now.at("/outages")) {
            String message = text(outage.at("/message"));
            if (!problems.contains(message)) {
                problems.add(message);
            }
        }
        if (now.at("/log/failure").isTextual()) {
            problems.add("the log failed: " + text(now.at("/log/failure")));
        }
        long lost = now.at("/log/quarantine/lost_entries").asLong();
        if (now.at("/log/quarantine/files").asLong() > 0) {
            problems.add("%d files are set aside of the log%s: sluice wal quarantine"
                    .formatted(
                            now.at("/log/quarantine/files").asLong(),
                            lost == 0 ? "" : ", %d entries were lost".formatted(lost)));
        }
        for (JsonNode job : now.at("/persist/jobs")) {
            if (text(job.at("/stage")).equals("PARKED")) {
                problems.add("%s cannot be persisted, after %d failures: %s"
                        .formatted(partition(job), job.at("/failures").asInt(), text(job.at("/last_error"))));
            }
        }
        return problems;
    }

    private void section(String name) {
        lines.add("");
        lines.add(style.bold(name));
    }

    private void line(String label, String value) {
        if (!value.isEmpty()) {
            lines.add("  %s%s".formatted(pad(label), value));
        }
    }

    private static String pad(String label) {
        return label + " ".repeat(Math.max(1, LABEL_CHARS - label.length()));
    }

    private void writes() {
        section("writes");
        line("in flight", count("/in_flight/writes", "/in_flight/limit_writes"));
        line("", size("/in_flight/bytes", "/in_flight/limit_bytes"));
        if (now.at("/in_flight/waiting").asLong() > 0) {
            line(
                    "waiting",
                    style.warn("%s for room, %s"
                            .formatted(number("/in_flight/waiting"), bytes("/in_flight/waiting_bytes"))));
        }
        if (now.at("/in_flight/body_bytes").asLong() > 0) {
            line("HTTP bodies", bytes("/in_flight/body_bytes"));
        }
        line("acknowledged", total("/totals/writes", "writes"));
        line("", total("/totals/rows", "rows"));
        line("refused", now.at("/totals/refused").asLong() > 0 ? total("/totals/refused", "writes") + reasons() : "");
        line("stable", has("/stable_sequence") ? "write " + text(now.at("/stable_sequence")) : "");
    }

    private String reasons() {
        List<String> reasons = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : now.at("/totals/refused_for").properties()) {
            reasons.add(String.format(
                    Locale.ROOT,
                    "%s %,d",
                    Text.oneLine(entry.getKey()),
                    entry.getValue().asLong()));
        }
        return reasons.isEmpty() ? "" : "  (%s)".formatted(String.join(", ", reasons));
    }

    private void queries() {
        if (!has("/queries")) {
            return;
        }
        section("queries");
        line("open", count("/queries/open", "/queries/limit"));
        if (now.at("/queries/waiting_for_client").asLong() > 0) {
            line("waiting", "%s for their clients to read on".formatted(number("/queries/waiting_for_client")));
        }
        if (now.at("/queries/waiting_for_replay").asLong() > 0) {
            line("waiting", style.warn("%s for the replay".formatted(number("/queries/waiting_for_replay"))));
        }
        line("memory", size("/queries/memory_bytes", "/queries/memory_limit_bytes"));
        line("answered", total("/totals/queries", "queries"));
        line("", total("/totals/query_rows", "rows"));
    }

    private void admission() {
        JsonNode buckets = now.at("/admission/buckets");
        if (buckets.isEmpty()) {
            return;
        }
        section("admission");
        TextTable table = new TextTable("pool", "part", "now", "limit", "stuck", "admitted", "refused");
        for (JsonNode bucket : buckets) {
            table.add(
                    text(bucket.at("/pool")).toLowerCase(Locale.ROOT).replace('_', ' '),
                    text(bucket.at("/bucket")).toLowerCase(Locale.ROOT),
                    number(bucket.at("/current")),
                    number(bucket.at("/limit")),
                    number(bucket.at("/stuck")),
                    number(bucket.at("/admitted")),
                    number(bucket.at("/refused")));
        }
        table.lines().forEach(line -> lines.add("  " + line));
    }

    private void memory() {
        if (!has("/memory")) {
            return;
        }
        section("memory");
        String mark = text(now.at("/memory/mark"));
        String state = mark.equals("calm") ? "" : "  " + style.warn(mark);
        line("held", size("/memory/held_bytes", "/memory/limit_bytes") + state);
        line("by rows", size("/memory/rows_bytes", "/memory/rows_limit_bytes"));
        for (Map.Entry<String, JsonNode> account : now.at("/memory/accounts").properties()) {
            if (account.getValue().asLong() > 0) {
                line(
                        "  " + Text.oneLine(account.getKey()),
                        Units.bytes(account.getValue().asLong()));
            }
        }
    }

    private void disks() {
        if (!has("/disks")) {
            return;
        }
        section("disks  refused at %s, taken again at %s"
                .formatted(text(now.at("/disks/high")), text(now.at("/disks/low"))));
        for (JsonNode disk : now.at("/disks/watched")) {
            double used = disk.at("/used_bytes").asDouble();
            double free = disk.at("/free_bytes").asDouble();
            line(
                    text(disk.at("/of")),
                    "%s %s free%s"
                            .formatted(
                                    bar(used, used + free, true),
                                    Units.bytes(disk.at("/free_bytes").asLong()),
                                    disk.at("/full").asBoolean() ? style.bad("  full") : ""));
        }
    }

    private void log() {
        if (!has("/log")) {
            return;
        }
        section("log  " + text(now.at("/log/directory")));
        line("state", text(now.at("/log/state")).toLowerCase(Locale.ROOT));
        line(
                "segments",
                has("/log/segments")
                        ? "%s, %s spare".formatted(number("/log/segments"), number("/log/spare_segments"))
                        : "");
        line("size", size("/log/bytes", "/log/max_bytes"));
        line("oldest", instant("/log/oldest_segment_at"));
        line(
                "queued",
                now.at("/log/queued_entries").asLong() > 0
                        ? "%s writes, %s".formatted(number("/log/queued_entries"), bytes("/log/queued_bytes"))
                        : "");
        line("written", totalBytes("/totals/log_bytes"));
    }

    private void replay() {
        JsonNode replay = now.at("/replay");
        if (replay.at("/total_bytes").asLong() == 0) {
            return;
        }
        section("replay");
        line(
                replay.at("/percent").asLong() < 100 ? "under way" : "done",
                "%s %s of %s, %s rows in %s"
                        .formatted(
                                bar(
                                        replay.at("/done_bytes").asDouble(),
                                        replay.at("/total_bytes").asDouble(),
                                        false),
                                bytes("/replay/done_bytes"),
                                bytes("/replay/total_bytes"),
                                number("/replay/rows"),
                                seconds(replay.at("/elapsed_seconds"))
                                        .map(Units::age)
                                        .orElse("-")));
        line("left", seconds(replay.at("/eta_seconds")).map(Units::age).orElse(""));
    }

    private void buffer() {
        if (!has("/buffer")) {
            return;
        }
        section("buffer");
        line("memory", size("/buffer/memory_bytes", "/buffer/limit_bytes"));
        line("filling", "%s rows, %s".formatted(number("/buffer/filling_rows"), bytes("/buffer/filling_bytes")));
        line(
                "frozen",
                "%s rows, %s, in %s batches"
                        .formatted(
                                number("/buffer/frozen_rows"),
                                bytes("/buffer/frozen_bytes"),
                                number("/buffer/frozen_batches")));
        line(
                "partitions",
                "%s of %s tables in %s namespaces"
                        .formatted(
                                number("/buffer/partitions"), number("/buffer/tables"), number("/buffer/namespaces")));
        line(
                "oldest row",
                seconds(now.at("/oldest_unpersisted_seconds"))
                        .map(age -> "not in a file for " + Units.age(age))
                        .orElse(""));
    }

    private void persist() {
        if (!has("/persist")) {
            return;
        }
        section("persist");
        line("to", text(now.at("/persist/object_store")));
        line("catalog", text(now.at("/persist/catalog")));
        line(
                "jobs",
                count("/persist/unfinished_jobs", "/persist/queue_depth")
                        + (now.at("/persist/saturated").asBoolean() ? style.bad("  full") : ""));
        line("at work", count("/persist/gate_active", "/persist/gate_slots"));
        line("memory", size("/persist/gate_used_bytes", "/persist/gate_limit_bytes"));
        if (now.at("/persist/gate_waiting").asLong() > 0) {
            line(
                    "waiting",
                    "%s for their turn, the longest for %s"
                            .formatted(
                                    number("/persist/gate_waiting"),
                                    seconds(now.at("/persist/gate_oldest_wait_seconds"))
                                            .map(Units::age)
                                            .orElse("-")));
        }
        line("files", total("/persist/files", "files"));
        line("", total("/persist/rows", "rows"));
        line("", totalBytes("/persist/bytes"));
        line("retries", now.at("/persist/retries").asLong() > 0 ? number("/persist/retries") : "");
        jobs();
    }

    private void jobs() {
        JsonNode jobs = now.at("/persist/jobs");
        if (jobs.isEmpty()) {
            return;
        }
        TextTable table = new TextTable("stage", "for", "failures", "partition", "last error");
        int shown = 0;
        for (JsonNode job : jobs) {
            if (shown++ == MAX_JOBS) {
                break;
            }
            table.add(
                    text(job.at("/stage")).toLowerCase(Locale.ROOT),
                    since(job.at("/since")).orElse("-"),
                    Long.toString(job.at("/failures").asLong()),
                    partition(job),
                    text(job.at("/last_error")));
        }
        table.lines().forEach(line -> lines.add("  " + line));
        if (jobs.size() > MAX_JOBS) {
            lines.add("  … and %d more".formatted(jobs.size() - MAX_JOBS));
        }
    }

    private static String partition(JsonNode job) {
        return "%s/%s/%s".formatted(text(job.at("/namespace")), text(job.at("/table")), text(job.at("/partition")));
    }

    private void changedSettings() {
        List<String> changed = new ArrayList<>();
        for (JsonNode setting : now.at("/settings")) {
            Optional<String> ago = since(setting.at("/changed_at"));
            ago.ifPresent(age -> changed.add("  %s = %s  (%s ago, %s; default %s)"
                    .formatted(
                            text(setting.at("/key")),
                            text(setting.at("/value")),
                            age,
                            text(setting.at("/from")),
                            text(setting.at("/default")))));
        }
        if (!changed.isEmpty()) {
            section("settings changed while running");
            lines.addAll(changed);
        }
    }

    private void further() {
        for (Map.Entry<String, JsonNode> entry : now.properties()) {
            if (!KNOWN.contains(entry.getKey())
                    && entry.getValue().isContainerNode()
                    && !entry.getValue().isEmpty()) {
                section(Text.oneLine(entry.getKey().replace('_', ' ')));
                PlainStatus.lines(entry.getValue()).forEach(line -> lines.add("  " + line));
            }
        }
    }

    private void errors() {
        JsonNode errors = now.at("/last_errors");
        if (errors.isEmpty()) {
            return;
        }
        section("last errors");
        for (JsonNode error : errors) {
            lines.add("  %s  %s: %s"
                    .formatted(text(error.at("/at")), text(error.at("/where")), text(error.at("/message"))));
        }
    }

    private boolean has(String path) {
        JsonNode node = now.at(path);
        return !node.isMissingNode() && !node.isNull();
    }

    /// Without what could control the terminal.
    private static String text(JsonNode node) {
        return Text.oneLine(node.asText());
    }

    private String number(String path) {
        return number(now.at(path));
    }

    private static String number(JsonNode node) {
        return String.format(Locale.ROOT, "%,d", node.asLong());
    }

    private String bytes(String path) {
        return Units.bytes(now.at(path).asLong());
    }

    /// `3 of 40`, with a bar.
    private String count(String path, String limitPath) {
        if (!has(path)) {
            return "";
        }
        return has(limitPath)
                ? "%s %s of %s"
                        .formatted(
                                bar(now.at(path).asDouble(), now.at(limitPath).asDouble(), true),
                                number(path),
                                number(limitPath))
                : number(path);
    }

    private String size(String path, String limitPath) {
        if (!has(path)) {
            return "";
        }
        return has(limitPath)
                ? "%s %s of %s"
                        .formatted(
                                bar(now.at(path).asDouble(), now.at(limitPath).asDouble(), true),
                                bytes(path),
                                bytes(limitPath))
                : bytes(path);
    }

    private String bar(double value, double limit, boolean isLimit) {
        double share = limit <= 0 ? 0 : Math.clamp(value / limit, 0, 1);
        int filled = (int) Math.ceil(BAR_CHARS * share);
        String bar = "[%s%s]".formatted("=".repeat(filled), " ".repeat(BAR_CHARS - filled));
        return isLimit && share >= 1 ? style.bad(bar) : isLimit && share >= HIGH ? style.warn(bar) : bar;
    }

    /// What was counted since the start, and what it is for each second since the look before.
    private String total(String path, String unit) {
        if (!has(path)) {
            return "";
        }
        String rate = rate(path)
                .map(perSecond -> String.format(Locale.ROOT, "  %,.0f %s/s", perSecond, unit))
                .orElse("");
        return "%s %s%s".formatted(number(path), unit, style.bold(rate));
    }

    private String totalBytes(String path) {
        if (!has(path)) {
            return "";
        }
        String rate = rate(path)
                .map(perSecond -> "  %s/s".formatted(Units.bytes(Math.round(perSecond))))
                .orElse("");
        return bytes(path) + style.bold(rate);
    }

    private Optional<Double> rate(String path) {
        return before.flatMap(earlier -> {
            double elapsed = now.at("/uptime_seconds").asDouble()
                    - earlier.at("/uptime_seconds").asDouble();
            double counted = now.at(path).asDouble() - earlier.at(path).asDouble();
            // Less than before: it is another process by now.
            return elapsed > 0 && counted >= 0 && sameProcess(earlier)
                    ? Optional.of(counted / elapsed)
                    : Optional.empty();
        });
    }

    private boolean sameProcess(JsonNode earlier) {
        return earlier.at("/started_at").equals(now.at("/started_at"));
    }

    private static Optional<Duration> seconds(JsonNode node) {
        return node.isNumber() ? Optional.of(Duration.ofMillis(Math.round(node.asDouble() * 1_000))) : Optional.empty();
    }

    private String instant(String path) {
        return since(now.at(path)).map(age -> age + " ago").orElse("");
    }

    /// How long ago that was by the server's clock; empty if it is no time.
    private Optional<String> since(JsonNode node) {
        try {
            Instant since = Instant.parse(node.asText());
            return Optional.of(Units.age(
                    Duration.between(since, Instant.parse(now.at("/at").asText()))));
        } catch (DateTimeParseException _) {
            return Optional.empty();
        }
    }
}
