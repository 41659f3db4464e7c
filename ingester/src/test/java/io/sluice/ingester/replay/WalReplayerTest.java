package io.sluice.ingester.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.fixture.FailingCatalog.Mode;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.ingester.fixture.Logs;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.fixture.Pipeline.Shown;
import io.sluice.model.ColumnSchema;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.persist.FreezeReason;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.wal.Wal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real log on disk back into a real buffer over a real catalog.
final class WalReplayerTest {
    private static final long FIRST_SEED = 50;
    private static final List<String> TABLES = List.of("a", "b");
    private static final WalReplayer.MemoryRoom ALWAYS = () -> {};

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();

    @AfterEach
    void close() {
        allocator.close();
    }

    private Path quarantine() {
        return folder.resolve("quarantine");
    }

    private WalReplayer replayer(Pipeline pipeline, WalReplayer.MemoryRoom room) {
        return new WalReplayer(
                quarantine(), pipeline.preparer(), pipeline.buffer(), pipeline.stable(), room, Logs.THREADS, metrics);
    }

    private void replay(Pipeline pipeline) throws Exception {
        try (Wal wal = Logs.open(folder.resolve("wal"))) {
            replayer(pipeline, ALWAYS).replay(wal, pipeline.inFiles());
        }
    }

    private void log(List<byte[]> requests) throws Exception {
        try (Wal wal = Logs.open(folder.resolve("wal"))) {
            wal.replay((_, _) -> {}, Logs.THREADS);
            Logs.start(wal);
            for (byte[] request : requests) {
                Logs.append(wal, request);
            }
        }
    }

    private static List<byte[]> requests(Random random) {
        List<byte[]> requests = new ArrayList<>();
        for (int write = random.nextInt(5, 15); write > 0; write--) {
            List<GeneratedTable> tables = new ArrayList<>();
            for (String table : TABLES) {
                if (tables.isEmpty() || random.nextBoolean()) {
                    tables.add(GeneratedTable.of(random, table, random.nextInt(1, 20)));
                }
            }
            requests.add(GeneratedTable.request("n", tables.toArray(GeneratedTable[]::new)));
        }
        return requests;
    }

    /// One row with the value of an i64 field, at a time.
    private static byte[] row(String table, String field, long value, long timeNs) {
        return WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable(table)
                        .setRowCount(1)
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(Int64s.newBuilder().addValues(timeNs)))
                        .addColumns(Column.newBuilder()
                                .setName(field)
                                .setKind(Column.Kind.FIELD)
                                .setI64(Int64s.newBuilder().addValues(value))))
                .build()
                .toByteArray();
    }

    private static Map<String, Map<String, Shown>> showAll(Pipeline pipeline) {
        Map<String, Map<String, Shown>> shown = new TreeMap<>();
        TABLES.forEach(table -> shown.put(table, pipeline.show(table)));
        return shown;
    }

    private List<String> quarantined() throws IOException {
        if (!Files.exists(quarantine())) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(quarantine())) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private double counted(String name) {
        return metrics.get(name).counter().count();
    }

    private Path fresh(String name) throws IOException {
        return Files.createDirectories(folder.resolve(name));
    }

    @Test
    @DisplayName("Invariant 2: replay shows what the live writes showed, row by row and in their order")
    void replayIsTheSameAsHavingAppliedLive() throws Exception {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 4; seed++) {
            Path wal = fresh("wal-" + seed);
            List<byte[]> requests = requests(new Random(seed));
            Map<String, Map<String, Shown>> live;
            try (Pipeline pipeline = Pipeline.open(fresh("live-" + seed), allocator);
                    Wal log = Logs.open(wal)) {
                Logs.start(log);
                for (byte[] request : requests) {
                    pipeline.apply(Logs.append(log, request).value(), request);
                }
                live = showAll(pipeline);
            }
            assertThat(live.get("a")).isNotEmpty();
            // Once over the catalog of the live server, once over a new one.
            for (String catalog : List.of("live-", "new-")) {
                try (Pipeline pipeline = Pipeline.open(fresh(catalog + seed), allocator);
                        Wal log = Logs.open(wal)) {
                    replayer(pipeline, ALWAYS).replay(log, pipeline.inFiles());
                    assertThat(showAll(pipeline)).as("seed %d", seed).isEqualTo(live);
                    assertThat(pipeline.stable().stable().value()).isEqualTo(requests.size());
                    assertThat(pipeline.buffer().lowWatermark().value()).isEqualTo(1);
                }
            }
        }
        assertThat(quarantined()).isEmpty();
    }

    /// At a random moment some partitions become files; the process ends, and starts again and again.
    @Test
    @DisplayName("Invariant 3: what is in files is skipped, the rest comes back, however often the process starts")
    void rowsInFilesAreSkippedAndAllOthersComeBack() throws Exception {
        int inFiles = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 4; seed++) {
            Random random = new Random(seed);
            Path wal = fresh("wal-" + seed);
            Path catalog = fresh("catalog-" + seed);
            List<byte[]> requests = requests(random);
            Map<String, Map<String, Shown>> before;
            int cut = random.nextInt(1, requests.size());
            try (Pipeline pipeline = Pipeline.open(catalog, allocator);
                    Wal log = Logs.open(wal)) {
                Logs.start(log);
                for (byte[] request : requests) {
                    SequenceNumber sequence = Logs.append(log, request);
                    pipeline.apply(sequence.value(), request);
                    if (sequence.value() == cut) {
                        var _ = pipeline.buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
                        for (Pipeline.Job job : pipeline.jobs()) {
                            if (random.nextBoolean()) {
                                job.complete();
                                inFiles++;
                            }
                        }
                    }
                }
                before = showAll(pipeline);
            }
            for (int start = 0; start < 3; start++) {
                try (Pipeline pipeline = Pipeline.open(catalog, allocator);
                        Wal log = Logs.open(wal)) {
                    replayer(pipeline, ALWAYS).replay(log, pipeline.inFiles());
                    assertThat(showAll(pipeline))
                            .as("seed %d, start %d", seed, start)
                            .isEqualTo(before);
                    assertThat(pipeline.stable().stable().value()).isEqualTo(requests.size());
                }
            }
        }
        assertThat(inFiles).isPositive();
    }

    @Test
    @DisplayName("Invariant 3: a file that was catalogued just before the crash counts, though nobody heard of it")
    void aFileThatWasRecordedInTheLastMomentCounts() throws Exception {
        List<byte[]> requests = List.of(row("a", "v", 1, 1), row("a", "v", 2, 2), row("a", "v", 3, 3));
        log(requests);
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            pipeline.apply(1, requests.get(0));
            pipeline.apply(2, requests.get(1));
            var _ = pipeline.buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
            pipeline.jobs().getFirst().record();
        }
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            replay(pipeline);
            assertThat(pipeline.show("a"))
                    .containsExactly(Map.entry("1970-01-01", new Shown(2, List.of(Map.of("time", 3L, "v", 3L)))));
            assertThat(pipeline.buffer().lowWatermark().value()).isEqualTo(3);
        }
    }

    @Test
    @DisplayName("Invariant 8: writes of the log that cannot be decoded or contradict the schema are set aside")
    void whatCannotBeDecodedOrContradictsIsSetAsideAndReplayGoesOn() throws Exception {
        byte[] garbage = "no protobuf".getBytes(StandardCharsets.UTF_8);
        byte[] noTime = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder().setTable("a").setRowCount(1))
                .build()
                .toByteArray();
        byte[] contradicts = row("b", "v", 4, 4);
        log(List.of(garbage, row("a", "v", 2, 2), noTime, contradicts, row("a", "v", 5, 5), garbage));
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            pipeline.catalog().ensureTable(Pipeline.NAMESPACE, new TableName("b"), List.of(ColumnSchema.tag("v")), 10);
        }
        for (int start = 1; start <= 2; start++) {
            try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
                replay(pipeline);
                assertThat(pipeline.show("a"))
                        .containsExactly(Map.entry(
                                "1970-01-01",
                                new Shown(0, List.of(Map.of("time", 2L, "v", 2L), Map.of("time", 5L, "v", 5L)))));
                assertThat(pipeline.show("b")).isEmpty();
                assertThat(pipeline.stable().stable().value()).isEqualTo(6);
            }
            assertThat(quarantined())
                    .as("start %d", start)
                    .containsExactly(
                            "write-00000000000000000001.bin",
                            "write-00000000000000000003.bin",
                            "write-00000000000000000004.bin",
                            "write-00000000000000000006.bin");
            assertThat(counted("sluice.replay.quarantined")).isEqualTo(4.0 * start);
            assertThat(counted("sluice.replay.writes")).isEqualTo(2.0 * start);
            assertThat(counted("sluice.replay.rows")).isEqualTo(2.0 * start);
        }
        assertThat(quarantine().resolve("write-00000000000000000001.bin")).hasBinaryContent(garbage);
        assertThat(quarantine().resolve("write-00000000000000000003.bin")).hasBinaryContent(noTime);
        assertThat(quarantine().resolve("write-00000000000000000004.bin")).hasBinaryContent(contradicts);
    }

    /// Only a bug does this, and the next start would meet it again.
    @Test
    @DisplayName("Invariant 8: a write that meets a bug is set aside, and those behind it come back")
    void aWriteThatMeetsABugIsSetAside() throws Exception {
        log(List.of(row("a", "v", 1, 1), row("b", "v", 2, 2), row("a", "v", 3, 3)));
        try (Pipeline pipeline = Pipeline.open(folder, allocator);
                Wal wal = Logs.open(folder.resolve("wal"))) {
            pipeline.preparer().prepare(row("a", "v", 1, 1)).close();
            pipeline.catalog().set(Mode.THROWS); // it is asked for table b alone
            replayer(pipeline, ALWAYS).replay(wal, pipeline.inFiles());
            pipeline.catalog().set(Mode.ANSWERS);
            assertThat(pipeline.show("a").get("1970-01-01"))
                    .isEqualTo(new Shown(0, List.of(Map.of("time", 1L, "v", 1L), Map.of("time", 3L, "v", 3L))));
            assertThat(pipeline.show("b")).isEmpty();
            assertThat(pipeline.stable().stable().value()).isEqualTo(3);
        }
        assertThat(quarantined()).containsExactly("write-00000000000000000002.bin");
    }

    @Test
    @DisplayName("Invariant 3: a catalog that does not answer ends the replay; no write is taken for a bad one")
    void aCatalogThatDoesNotAnswerEndsTheReplayAndNothingIsSetAside() throws Exception {
        log(List.of(row("a", "v", 1, 1), row("b", "v", 2, 2)));
        try (Pipeline pipeline = Pipeline.open(folder, allocator);
                Wal wal = Logs.open(folder.resolve("wal"))) {
            pipeline.preparer().prepare(row("a", "v", 1, 1)).close();
            pipeline.catalog().set(Mode.FAILS); // it is asked for table b alone
            assertThatThrownBy(() -> replayer(pipeline, ALWAYS).replay(wal, pipeline.inFiles()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("catalog");
        }
        assertThat(quarantined()).isEmpty();
    }

    /// Memory ends in the copy of the rows, or in the chunk they are applied to: at every place of both.
    @Test
    @DisplayName("Invariant 3: a write that finds no memory is not taken for a bad one; the log keeps it")
    void noMemoryEndsTheReplayAndNothingIsSetAside() throws Exception {
        List<byte[]> requests = requests(new Random(FIRST_SEED));
        log(requests);
        long needed;
        Map<String, Map<String, Shown>> all;
        try (BufferAllocator own = allocator.newChildAllocator("own", 0, Long.MAX_VALUE);
                Pipeline pipeline = Pipeline.open(folder, own)) {
            replay(pipeline);
            all = showAll(pipeline);
            needed = own.getPeakMemoryAllocation();
        }
        int failures = 0;
        for (long limit = 64; limit < needed; limit += Math.max(64, needed / 40)) {
            try (BufferAllocator own = allocator.newChildAllocator("own", 0, limit);
                    Pipeline pipeline = Pipeline.open(folder, own)) {
                try {
                    replay(pipeline);
                    own.setLimit(Long.MAX_VALUE);
                    assertThat(showAll(pipeline)).isEqualTo(all);
                } catch (IOException e) {
                    assertThat(e).hasMessageContainingAll("memory", "write");
                    assertThat(pipeline.stable().stable().value()).isLessThan(requests.size());
                    failures++;
                }
            }
            assertThat(quarantined()).as("%d of %d bytes", limit, needed).isEmpty();
        }
        assertThat(failures).isGreaterThan(20);
    }

    /// More than one batch of the replay, and more rows than an open chunk holds.
    @Test
    @DisplayName("Invariant 5: writes that were gathered are seen up to any number, as if applied one by one")
    void manySmallWritesComeBackEachUnderItsOwnNumber() throws Exception {
        int count = 3_000;
        List<byte[]> requests = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            requests.add(row("a", "v", i, i));
        }
        log(requests);
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            replay(pipeline);
            List<Map<String, Object>> rows =
                    pipeline.show("a").values().iterator().next().rows();
            assertThat(rows).hasSize(count);
            for (int i = 1; i <= count; i++) {
                assertThat(rows.get(i - 1)).isEqualTo(Map.of("time", (long) i, "v", (long) i));
            }
            assertThat(pipeline.buffer().statistics().fillingRows()).isEqualTo(count);
        }
        assertThat(counted("sluice.replay.writes")).isEqualTo(count);
        assertThat(counted("sluice.replay.rows")).isEqualTo(count);
    }

    /// Changes a byte in the middle of the only string of a write's field, so that it is no UTF-8 any more.
    private static byte[] damagedInside(byte[] request) {
        byte[] damaged = request.clone();
        for (int i = 0; i < damaged.length; i++) {
            if (damaged[i] == '?') {
                damaged[i] = (byte) 0xFF;
            }
        }
        assertThat(damaged).isNotEqualTo(request);
        return damaged;
    }

    private static byte[] text(String table, long... timesNs) {
        Int64s.Builder times = Int64s.newBuilder();
        Strings.Builder strings = Strings.newBuilder().addOffsets(0);
        StringBuilder data = new StringBuilder();
        for (long timeNs : timesNs) {
            times.addValues(timeNs);
            data.append("a?b");
            strings.addOffsets(data.length());
        }
        return WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable(table)
                        .setRowCount(timesNs.length)
                        .addColumns(Column.newBuilder()
                                .setName("t")
                                .setKind(Column.Kind.FIELD)
                                .setStrings(strings.setData(ByteString.copyFromUtf8(data.toString()))))
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(times)))
                .build()
                .toByteArray();
    }

    /// The entries are damaged in a column that nobody has to look at: whoever does would set them aside.
    @Test
    @DisplayName("Invariant 3: writes whose rows are all in files are skipped by their names and timestamps alone")
    void whatIsInFilesIsSkippedAndItsColumnsAreNotTouched() throws Exception {
        long day = PartitionTemplate.DAY_NS;
        List<byte[]> requests = List.of(
                text("a", 1), // in a file
                text("a", 1, day), // the second row is in none
                text("b", 3), // in none
                text("a", 2, 3), // in a file
                text("a", 4)); // in none: above what is in files
        List<byte[]> damaged = new ArrayList<>(requests);
        damaged.set(0, damagedInside(requests.get(0)));
        damaged.set(3, damagedInside(requests.get(3)));
        log(damaged);
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            for (int i = 0; i < 4; i++) {
                pipeline.apply(i + 1, requests.get(i));
            }
            var _ = pipeline.buffer().persist(Optional.empty(), Optional.of(new TableName("a")), FreezeReason.RPC);
            for (Pipeline.Job job : pipeline.jobs()) {
                if (job.request().key().value().equals("1970-01-01")) {
                    job.complete();
                }
            }
        }
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            assertThat(pipeline.inFiles().value()).isEqualTo(4);
            replay(pipeline);
            assertThat(pipeline.show("a"))
                    .containsOnly(
                            Map.entry("1970-01-01", new Shown(4, List.of(Map.of("time", 4L, "t", "a?b")))),
                            Map.entry("1970-01-02", new Shown(0, List.of(Map.of("time", day, "t", "a?b")))));
            assertThat(pipeline.show("b"))
                    .containsOnly(Map.entry("1970-01-01", new Shown(0, List.of(Map.of("time", 3L, "t", "a?b")))));
            assertThat(pipeline.stable().stable().value()).isEqualTo(5);
        }
        assertThat(quarantined()).isEmpty();
        assertThat(counted("sluice.replay.skipped")).isEqualTo(2);
        assertThat(counted("sluice.replay.writes")).isEqualTo(3);
    }

    @Test
    @DisplayName("Invariant 8: a write that is not in files is looked at, though others of its table are")
    void aDamagedWriteThatIsNotInFilesIsSetAside() throws Exception {
        log(List.of(text("a", 1), damagedInside(text("a", PartitionTemplate.DAY_NS)), text("a", 2)));
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            pipeline.apply(1, text("a", 1));
            pipeline.apply(3, text("a", 2));
            var _ = pipeline.buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
            pipeline.jobs().getFirst().complete();
        }
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            replay(pipeline);
            assertThat(pipeline.show("a")).as("all of its rows are in files").isEmpty();
            assertThat(pipeline.stable().stable().value()).isEqualTo(3);
        }
        assertThat(quarantined()).containsExactly("write-00000000000000000002.bin");
        assertThat(counted("sluice.replay.skipped")).isEqualTo(2);
    }

    @Test
    void aWriteThatCannotBeSetAsideEndsTheReplayAndStaysInTheLog() throws Exception {
        log(List.of(row("a", "v", 1, 1), new byte[] {1}));
        Files.writeString(quarantine(), "a file where the folder should be");
        try (Pipeline pipeline = Pipeline.open(folder, allocator);
                Wal wal = Logs.open(folder.resolve("wal"))) {
            assertThatThrownBy(() -> replayer(pipeline, ALWAYS).replay(wal, pipeline.inFiles()))
                    .isInstanceOf(IOException.class);
            assertThat(pipeline.stable().stable().value()).isEqualTo(1);
        }
    }

    @Test
    @DisplayName("Invariant 6: replay asks for room before all that it applies and goes no further without it")
    void replayAsksForRoomBeforeAllThatItApplies() throws Exception {
        // Two that are gathered, one that is not, and another.
        log(List.of(row("a", "v", 1, 1), row("a", "v", 2, 2), new byte[] {1}, row("a", "v", 4, 4)));
        try (Pipeline pipeline = Pipeline.open(folder, allocator);
                Wal wal = Logs.open(folder.resolve("wal"))) {
            List<Long> stableWhenAsked = new ArrayList<>();
            WalReplayer.MemoryRoom untilTheThird = () -> {
                stableWhenAsked.add(pipeline.stable().stable().value());
                if (stableWhenAsked.size() == 3) {
                    throw new IOException("persist has ended");
                }
            };
            assertThatThrownBy(() -> replayer(pipeline, untilTheThird).replay(wal, pipeline.inFiles()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("persist has ended");
            assertThat(stableWhenAsked).containsExactly(0L, 2L, 3L);
            assertThat(pipeline.show("a").get("1970-01-01"))
                    .isEqualTo(new Shown(0, List.of(Map.of("time", 1L, "v", 1L), Map.of("time", 2L, "v", 2L))));
        }
    }
}
