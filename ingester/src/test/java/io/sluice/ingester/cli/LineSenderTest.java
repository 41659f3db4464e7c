package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Lines on their way to a real gRPC server: what is good is written, once, and what is not is named.
final class LineSenderTest {
    private static final int ALL_LINES = 1_000_000;
    private static final Instant NOW = Instant.ofEpochMilli(1_800_000_000_000L);

    private final StringWriter told = new StringWriter();
    private final List<Duration> pauses = new ArrayList<>();
    private TestServer server;

    LineSenderTest() throws Exception {
        server = TestServer.start();
    }

    @BeforeEach
    void nothingWasSaidYet() {
        assertThat(told.toString()).isEmpty();
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    private LineSender sender(int maxInFlight) {
        return new LineSender(
                new WriteCalls(server.channel(), pauses::add),
                new NamespaceName("n"),
                Precision.NS,
                maxInFlight,
                new Progress(new PrintWriter(told), false, 0),
                () -> NOW);
    }

    private boolean send(String lines, int batchLines, int maxInFlight) throws IOException {
        LineSender sender = sender(maxInFlight);
        LineBatches batches =
                new LineBatches(new ByteArrayInputStream(lines.getBytes(StandardCharsets.UTF_8)), batchLines);
        for (LineBatches.Batch batch = batches.next(); !batch.isEmpty(); batch = batches.next()) {
            sender.send("f", batch);
        }
        return sender.finish();
    }

    private List<String> told() {
        return told.toString().lines().toList();
    }

    private static String lines(int from, int to, String fields) {
        StringBuilder lines = new StringBuilder();
        IntStream.rangeClosed(from, to).forEach(at -> lines.append("cpu " + fields + " " + at + "\n"));
        return lines.toString();
    }

    private static List<Long> numbers(long from, long to) {
        return LongStream.rangeClosed(from, to).boxed().toList();
    }

    private static WriteOutcome refused(Reason reason, Duration retryAfter) {
        return new WriteOutcome.Refused(reason, "not now", retryAfter);
    }

    @Test
    void linesAreWrittenInBatches() throws IOException {
        assertThat(send(lines(1, 1_000, "v=1"), 100, 4)).isTrue();
        assertThat(server.written()).containsExactlyInAnyOrderElementsOf(numbers(1, 1_000));
        assertThat(server.writes()).isEqualTo(10);
        assertThat(told()).isEmpty();
    }

    @Test
    void aLineWithoutATimestampHasTheTimeOfItsBatch() throws IOException {
        assertThat(send("cpu v=1\n", 100, 1)).isTrue();
        assertThat(server.written()).containsExactly(NOW.toEpochMilli() * 1_000_000L);
    }

    @Test
    void aRefusedWriteIsSentAgainAfterTheTimeThatTheServerAsksForWithinBounds() throws IOException {
        server.answerFirst(
                refused(Reason.NOT_READY, Duration.ofMillis(1_500)),
                refused(Reason.PERSIST_SATURATED, Duration.ofNanos(1)),
                refused(Reason.MEMORY_LIMIT, Duration.ofDays(4_000_000)),
                refused(Reason.ADMISSION_LIMIT, Duration.ofSeconds(-5)));
        assertThat(send(lines(1, 5, "v=1"), 100, 1)).isTrue();
        assertThat(server.written()).isEqualTo(numbers(1, 5));
        assertThat(pauses)
                .containsExactly(
                        Duration.ofMillis(1_500),
                        WriteCalls.MIN_RETRY_DELAY,
                        WriteCalls.MAX_RETRY_DELAY,
                        WriteCalls.MIN_RETRY_DELAY);
        assertThat(told())
                .hasSize(4)
                .first()
                .isEqualTo("sluice: f lines 1 to 5: the server asks to try again in 1500 ms: not now");
    }

    @Test
    void aServerThatRefusesForEverIsAskedSoOften() {
        WriteOutcome[] answers = new WriteOutcome[WriteCalls.MAX_ATTEMPTS];
        Arrays.fill(answers, refused(Reason.GRACEFUL_STOP, Duration.ofMillis(10)));
        server.answerFirst(answers);
        assertThatThrownBy(() -> send(lines(1, 5, "v=1"), 100, 1))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
        assertThat(server.writes()).isEqualTo(WriteCalls.MAX_ATTEMPTS);
        assertThat(told().getLast()).isEqualTo("sluice: f lines 1 to 5, and what follows, may not be written");
    }

    @Test
    void aServerThatIsFullForEverCostsTheBatchAndIsNotTakenForARequestThatIsTooLarge() throws IOException {
        WriteOutcome[] answers = new WriteOutcome[WriteCalls.MAX_ATTEMPTS];
        Arrays.fill(answers, refused(Reason.MEMORY_LIMIT, Duration.ofMillis(10)));
        server.answerFirst(answers);
        assertThat(send(lines(1, 10, "v=1"), 5, 1)).isFalse();
        assertThat(server.written()).isEqualTo(numbers(6, 10));
        assertThat(told().getLast())
                .isEqualTo("sluice: f lines 1 to 5: 5 rows not written: RESOURCE_EXHAUSTED: not now");
    }

    @Test
    void aRejectedLineIsNamedAndNotSentAgain() throws IOException {
        server.answerFirst(new WriteOutcome.Invalid("no\n such\tthing"));
        assertThat(send("\n# c\ncpu v=1 5\n", 1, 1)).isFalse();
        assertThat(server.writes()).isEqualTo(1);
        assertThat(pauses).isEmpty();
        assertThat(told()).containsExactly("sluice: f line 3: not written: INVALID_ARGUMENT: no such?thing");
    }

    @Test
    void anUnknownOutcomeIsSaidToBeUnknownAndNotSentAgain() throws IOException {
        server.answerFirst(new WriteOutcome.Unknown("the log failed"));
        assertThat(send(lines(1, 10, "v=1"), 5, 1)).isFalse();
        assertThat(server.writes()).isEqualTo(2);
        assertThat(told())
                .containsExactly("sluice: f lines 1 to 5: 5 rows may or may not be written: INTERNAL: the log failed");
    }

    @Test
    void oneLineThatContradictsTheSchemaIsFoundAmongAThousand() throws IOException {
        server.create("cpu", ColumnSchema.field("w", ColumnType.F64));
        String lines = lines(1, 699, "v=1") + "cpu v=1,w=1i 700\n" + lines(701, 1_000, "v=1");
        assertThat(send(lines, ALL_LINES, 1)).isFalse();
        List<Long> expected = new ArrayList<>(numbers(1, 1_000));
        expected.remove(700L);
        assertThat(server.written()).isEqualTo(expected);
        assertThat(server.writes()).isLessThan(30);
        assertThat(told())
                .containsExactly("sluice: f line 700: not written: INVALID_ARGUMENT:"
                        + " column 'cpu.w' is a FIELD of type F64: found FIELD of type I64");
    }

    @Test
    void aFirstLineOfTheWrongTypeDoesNotMakeTheOthersBad() throws IOException {
        server.create("cpu", ColumnSchema.field("v", ColumnType.F64));
        assertThat(send("cpu v=1i 1\n" + lines(2, 1_000, "v=1"), ALL_LINES, 1)).isFalse();
        assertThat(server.written()).isEqualTo(numbers(2, 1_000));
        assertThat(server.writes()).isLessThan(30);
        assertThat(told()).singleElement().asString().startsWith("sluice: f line 1: not written");
    }

    @Test
    void ofAColumnThatIsNewTheFirstLineDecidesTheType() throws IOException {
        assertThat(send("cpu v=1i 1\ncpu v=1 2\ncpu v=2i 3\n", ALL_LINES, 1)).isFalse();
        assertThat(server.written()).containsExactly(1L, 3L);
        assertThat(told())
                .containsExactly("sluice: f line 2: column 'v' is a FIELD of type F64:"
                        + " expected FIELD of type I64, which it is in table 'cpu'");
    }

    @Test
    void whatWasWrittenTellsTheTypesSoThatTheServerIsNotAskedAboutEachBadLine() throws IOException {
        server.create("cpu", ColumnSchema.field("v", ColumnType.F64));
        StringBuilder lines = new StringBuilder();
        List<Long> expected = new ArrayList<>();
        for (long at = 1; at <= 2_000; at++) {
            boolean bad = at % 2 == 1;
            lines.append("cpu v=1%s %d\n".formatted(bad ? "i" : "", at));
            if (!bad) {
                expected.add(at);
            }
        }
        assertThat(send(lines.toString(), 500, 1)).isFalse();
        assertThat(server.written()).isEqualTo(expected);
        assertThat(server.writes()).isLessThan(40);
        assertThat(told()).hasSize(LineSender.MAX_NAMED + 1).last().asString().contains("is counted, not shown");
    }

    @Test
    void theSearchForBadLinesHasALimitAndGoodBatchesAreStillWrittenBeyondIt() throws IOException {
        server.create("cpu", ColumnSchema.field("v", ColumnType.F64));
        String bad = lines(1, 3_000, "v=1i");
        assertThat(send(bad + lines(3_001, 3_100, "w=1") + lines(3_101, 3_105, "v=1i"), 100, 1))
                .isFalse();
        assertThat(server.written()).isEqualTo(numbers(3_001, 3_100));
        assertThat(server.writes())
                .isGreaterThan(LineSender.MAX_SEARCH_WRITES / 2)
                .isLessThan(LineSender.MAX_SEARCH_WRITES + 100);
    }

    @Test
    void aBadLineByItselfCostsNoWrite() throws IOException {
        assertThat(send(lines(1, 50, "v=1") + "cpu\ncpu v=\n" + lines(53, 100, "v=1"), ALL_LINES, 1))
                .isFalse();
        assertThat(server.writes()).isEqualTo(1);
        assertThat(server.written()).hasSize(98);
        assertThat(told()).hasSize(2);
        assertThat(told().getFirst()).startsWith("sluice: f line 51: fields are missing");
        assertThat(told().getLast()).startsWith("sluice: f line 52: ");
    }

    @Test
    void aRequestThatIsTooLargeForTheServerIsSentInParts() throws Exception {
        server.stop();
        server = TestServer.start(64 * 1024);
        assertThat(send(lines(1, 100, "v=\"" + "x".repeat(2_000) + "\""), ALL_LINES, 1))
                .isTrue();
        assertThat(server.written()).isEqualTo(numbers(1, 100));
        assertThat(told()).isEmpty();
    }

    @Test
    void aLineThatIsTooLargeForTheServerIsNamed() throws Exception {
        server.stop();
        server = TestServer.start(64 * 1024);
        String large = "cpu v=\"" + "x".repeat(100_000) + "\" 3\n";
        assertThat(send(lines(1, 2, "v=\"a\"") + large + lines(4, 5, "v=\"a\""), ALL_LINES, 1))
                .isFalse();
        assertThat(server.written()).containsExactly(1L, 2L, 4L, 5L);
        assertThat(told()).singleElement().asString().startsWith("sluice: f line 3: not written: INVALID_ARGUMENT");
    }

    @Test
    void retriesThatAreToldDoNotHideTheNamesOfBadLines() throws IOException {
        WriteOutcome[] answers = new WriteOutcome[WriteCalls.MAX_ATTEMPTS - 1];
        Arrays.fill(answers, refused(Reason.WAL_FULL, Duration.ofMillis(10)));
        server.answerFirst(answers);
        assertThat(send("cpu v=1 1\ncpu\ncpu\ncpu\n", ALL_LINES, 1)).isFalse();
        assertThat(told())
                .filteredOn(line -> line.contains("fields are missing"))
                .hasSize(3);
        assertThat(told()).noneMatch(line -> line.contains("not shown"));
    }

    /// Each line in turn against the schema as it is then: this is what comes of batches too, whatever their size.
    @Test
    void whatIsWrittenIsWhatWouldBeWrittenLineByLine() throws Exception {
        for (long seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            server.stop();
            server = TestServer.start();
            told.getBuffer().setLength(0);
            Map<String, String> model = new HashMap<>();
            if (random.nextBoolean()) {
                server.create("a", ColumnSchema.field("x", ColumnType.F64));
                server.create("b", ColumnSchema.tag("y"));
                model.put("a.x", "1.5");
                model.put("b.y", "tag");
            }
            StringBuilder lines = new StringBuilder();
            List<Long> expected = new ArrayList<>();
            int count = random.nextInt(60);
            int wrongOf = 2 + random.nextInt(20);
            for (int at = 1; at <= count; at++) {
                if (random.nextInt(8) == 0) {
                    lines.append(random.nextBoolean() ? "# comment=\"\n" : "bad line\n");
                } else if (appendLine(lines, at, model, wrongOf, random)) {
                    expected.add((long) at);
                }
            }
            boolean hasBad = expected.size()
                            + lines.toString()
                                    .lines()
                                    .filter(line -> line.startsWith("#"))
                                    .count()
                    < count;
            boolean all = send(lines.toString(), 1 + random.nextInt(40), 1);
            assertThat(sorted(server.written()))
                    .as("seed %d:%n%s%n%s", seed, lines, told)
                    .isEqualTo(expected);
            assertThat(all).as("seed %d", seed).isEqualTo(!hasBad);
        }
    }

    private static List<Long> sorted(List<Long> numbers) {
        List<Long> sorted = new ArrayList<>(numbers);
        Collections.sort(sorted);
        return sorted;
    }

    /// Whether the model takes the line.
    private static boolean appendLine(
            StringBuilder lines, int at, Map<String, String> model, int wrongOf, Random random) {
        String table = random.nextBoolean() ? "a" : "b";
        Map<String, String> columns = new HashMap<>();
        String line = table;
        if (random.nextInt(wrongOf) == 0) {
            String tag = random.nextBoolean() ? "x" : "y";
            line += "," + tag + "=1";
            columns.put(table + "." + tag, "tag");
        }
        line += " ";
        String[] fields = {"x", "w", "z"};
        int count = 1 + random.nextInt(2);
        int first = random.nextInt(fields.length);
        for (int i = 0; i < count; i++) {
            String field = fields[(first + i) % fields.length];
            String value = random.nextInt(wrongOf) == 0 ? "1i" : "1.5";
            line += (i == 0 ? "" : ",") + field + "=" + value;
            String before = columns.put(table + "." + field, value);
            if (before != null) {
                columns.put(table + "." + field, "both");
            }
        }
        lines.append(line).append(' ').append(at).append('\n');
        boolean fits = columns.entrySet().stream()
                .allMatch(column -> !column.getValue().equals("both")
                        && model.getOrDefault(column.getKey(), column.getValue())
                                .equals(column.getValue()));
        if (fits) {
            model.putAll(columns);
        }
        return fits;
    }
}
