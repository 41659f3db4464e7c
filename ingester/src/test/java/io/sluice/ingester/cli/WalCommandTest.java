package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.wal.AppendListener;
import io.sluice.wal.CorruptionPolicy;
import io.sluice.wal.GroupLimits;
import io.sluice.wal.Wal;
import io.sluice.wal.WalRefusedException;
import io.sluice.wal.WalSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadFactory;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sluice wal` on a folder that the real log made.
final class WalCommandTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-11-21T08:00:00Z"));
    private static final int WRITES = 5;
    /// So that a segment, which has 4 KiB at least, has room for one write.
    private static final UnknownFieldSet.Field PADDING = UnknownFieldSet.Field.newBuilder()
            .addLengthDelimited(ByteString.copyFrom(new byte[3_000]))
            .build();

    @TempDir
    private Path data = Path.of("");

    private static byte[] write(int number) {
        return WriteRequest.newBuilder()
                .setNamespace("metrics")
                .addTables(TableBatch.newBuilder().setTable("cpu" + number).setRowCount(number))
                .setUnknownFields(
                        UnknownFieldSet.newBuilder().addField(15, PADDING).build())
                .build()
                .toByteArray();
    }

    /// A log with a segment for each write.
    @BeforeEach
    void writeLog() throws Exception {
        append(data.resolve("wal"), WRITES, WalCommandTest::write);
    }

    private static final ThreadFactory THREADS =
            Thread.ofPlatform().name("wal-", 0).factory();

    private static void append(Path folder, int count, IntFunction<byte[]> payload) throws Exception {
        WalSettings settings = new WalSettings(
                folder,
                1,
                1 << 30,
                Duration.ofMinutes(5),
                1 << 20,
                100,
                GroupLimits.DEFAULT,
                WalSettings.Compression.NONE,
                true,
                CorruptionPolicy.FAIL);
        try (Wal wal = Wal.open(settings, CLOCK, System::nanoTime, new SimpleMeterRegistry())) {
            wal.replay((_, _) -> {}, THREADS);
            long[] last = {wal.lastSequence().value()};
            wal.start(() -> new SequenceNumber(++last[0]), new UUID(1, 1), THREADS, _ -> {});
            for (int number = 1; number <= count; number++) {
                CompletableFuture<SequenceNumber> durable = new CompletableFuture<>();
                wal.append(payload.apply(number), new AppendListener() {
                    @Override
                    public void durable(SequenceNumber sequence) {
                        durable.complete(sequence);
                    }

                    @Override
                    public void refused(WalRefusedException refusal) {
                        durable.completeExceptionally(refusal);
                    }

                    @Override
                    public void failed(IOException cause) {
                        durable.completeExceptionally(cause);
                    }
                });
                assertThat(durable.get().value()).isEqualTo(number);
            }
        }
    }

    private CommandRun wal(String... arguments) {
        String[] all = Arrays.copyOf(new String[] {"wal"}, arguments.length + 3);
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        all[arguments.length + 1] = "--data-dir";
        all[arguments.length + 2] = data.toString();
        return CommandRun.of(all);
    }

    private List<Path> segments() throws IOException {
        try (Stream<Path> files = Files.list(data.resolve("wal"))) {
            return files.filter(file -> file.toString().endsWith(".wal"))
                    .sorted()
                    .toList();
        }
    }

    /// The segment that holds a text.
    private Path segmentWith(String text) throws IOException {
        for (Path segment : segments()) {
            if (Files.readString(segment, StandardCharsets.ISO_8859_1).contains(text)) {
                return segment;
            }
        }
        throw new AssertionError("no segment holds " + text);
    }

    private Path damage(String text) throws IOException {
        Path segment = segmentWith(text);
        String content = Files.readString(segment, StandardCharsets.ISO_8859_1);
        Files.writeString(segment, content.replace(text, "x".repeat(text.length())), StandardCharsets.ISO_8859_1);
        return segment;
    }

    private byte[] folderBytes() throws IOException {
        StringBuilder all = new StringBuilder();
        for (Path segment : segments()) {
            all.append(segment).append(Files.readString(segment, StandardCharsets.ISO_8859_1));
        }
        return all.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void lsListsEverySegmentWithItsNumbers() throws IOException {
        CommandRun run = wal("ls");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).hasSize(segments().size() + 1);
        assertThat(run.outLines().getFirst()).startsWith("segment");
        for (int number = 1; number <= WRITES; number++) {
            Path segment = segmentWith("cpu" + number);
            assertThat(run.outLines())
                    .filteredOn(line -> line.startsWith(segment.getFileName().toString()))
                    .singleElement()
                    .asString()
                    .matches(".*wal +%d +%d +1 +3\\.0 KiB +4\\.0 KiB +\\d+[smhd].*  \\?".formatted(number, number));
        }
    }

    @Test
    void verifySaysThatASoundLogIsSound() {
        CommandRun run = wal("verify");
        assertThat(run.out().strip()).isEqualTo("the log is sound");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void verifyNamesDamageAndItsExitCodeIs1AndChangesNothing() throws IOException {
        Path segment = damage("cpu3");
        byte[] before = folderBytes();
        CommandRun run = wal("verify");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.PARTIAL);
        assertThat(run.outLines()).singleElement().asString().startsWith(segment + ": CORRUPT at position 64");
        assertThat(run.err()).isEmpty();
        assertThat(folderBytes()).isEqualTo(before);
    }

    @Test
    void verifyNamesAFileThatIsNoneOfTheLogs() throws IOException {
        Files.writeString(data.resolve("wal/notes.txt"), "hello");
        CommandRun run = wal("verify");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.PARTIAL);
        assertThat(run.outLines())
                .singleElement()
                .asString()
                .contains("notes.txt")
                .contains("not a file of the log");
    }

    @Test
    void dumpPrintsEntriesWithinTheRange() {
        CommandRun all = wal("dump");
        assertThat(all.exitCode()).as(all.err()).isZero();
        assertThat(all.outLines()).hasSize(WRITES);
        CommandRun some = wal("dump", "--from", "2", "--to", "3");
        assertThat(some.outLines()).isEqualTo(all.outLines().subList(1, 3));
        assertThat(some.outLines().getFirst()).startsWith("2  segment ").endsWith(" metrics: cpu2 (2 rows, 0 columns)");
    }

    @Test
    void dumpPrintsAnObjectOfJsonForEachEntry() throws IOException {
        CommandRun run = wal("dump", "--format", "json", "--from", "2", "--to", "3");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).hasSize(2);
        JsonNode entry = new ObjectMapper().readTree(run.outLines().getFirst());
        assertThat(entry.get("sequence").asLong()).isEqualTo(2);
        assertThat(entry.get("segment").asLong()).isPositive();
        assertThat(entry.get("position").asLong()).isEqualTo(64);
        assertThat(entry.get("bytes").asLong()).isEqualTo(write(2).length);
        assertThat(entry.get("write").toString())
                .isEqualTo("{\"namespace\":\"metrics\",\"tables\":[{\"table\":\"cpu2\",\"rowCount\":2}]}");
    }

    @Test
    void dumpSkipsWritesToOtherNamespaces() {
        assertThat(wal("dump", "--namespace", "metrics").outLines()).hasSize(WRITES);
        assertThat(wal("dump", "--namespace", "other").out()).isEmpty();
        assertThat(wal("dump", "--namespace", "other", "--format", "json").out())
                .isEmpty();
    }

    @Test
    void dumpAsJsonKeepsTheBytesOfAnEntryThatIsNoWrite() throws Exception {
        Path other = data.resolve("other");
        append(other, 1, _ -> new byte[] {(byte) 0xff, 1, 2});
        CommandRun run = CommandRun.of("wal", "dump", "--format", "json", "--wal-dir", other.toString());
        JsonNode entry = new ObjectMapper().readTree(run.out());
        assertThat(entry.get("not_a_write").asText()).isNotEmpty();
        assertThat(entry.get("payload_base64").asText()).isEqualTo("/wEC");
    }

    @Test
    void dumpGoesOnBehindDamage() throws IOException {
        damage("cpu3");
        CommandRun run = wal("dump");
        assertThat(run.outLines()).hasSize(WRITES - 1).last().asString().startsWith(WRITES + "  segment");
    }

    @Test
    void dumpSaysOfAnEntryThatIsNoWriteThatItIsNone() throws Exception {
        Path other = data.resolve("other");
        append(other, 1, _ -> new byte[] {(byte) 0xff, 1, 2});
        CommandRun run = CommandRun.of("wal", "dump", "--wal-dir", other.toString());
        assertThat(run.exitCode()).isZero();
        assertThat(run.outLines())
                .singleElement()
                .asString()
                .contains("3 bytes")
                .contains("not a write: ");
    }

    @Test
    void aFolderThatIsNotThereIsNamedByEachOfThem() {
        for (String command : new String[] {"ls", "verify", "dump", "quarantine"}) {
            CommandRun.of("wal", command, "--data-dir", data.resolve("none").toString())
                    .assertFailed(ExitCodes.IO, "there is no log folder", "none");
        }
        assertThat(data.resolve("none")).doesNotExist();
    }
}
