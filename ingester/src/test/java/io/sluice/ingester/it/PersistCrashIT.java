package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.LONG;

import io.sluice.ingester.it.Failpoint.Place;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `kill -9` at each step on the way of frozen rows to a catalogued file and of their log to deletion, with a local
/// store and SQLite: ARCHITECTURE.md, invariants 3, 4 and 9. `SharedCrashIT` has the steps that differ on S3 and
/// PostgreSQL.
final class PersistCrashIT {
    private static final String TABLE = "m";
    private static final int WRITES = 24;
    private static final int PADDING_BYTES = 5_000;
    private static final long SEED = 20_261_121L;
    private static final Duration OLD = Duration.ofHours(2);

    /// What a dead process leaves: complete objects, and rows of the catalog.
    private record Left(int objects, int files) {
        Left plus(int moreObjects, int moreFiles) {
            return new Left(objects + moreObjects, files + moreFiles);
        }
    }

    private enum Step {
        FROZEN(Place.entering("persist.Persister", "enqueue"), 0, 0),
        QUEUED(Place.entering("persist.PersistLane", "serve"), 0, 0),
        AT_THE_GATE(Place.entering("persist.PersistJob", "enter").with("GATE"), 0, 0),
        SORTING(Place.entering("persist.PersistJob", "enter").with("MERGE"), 0, 0),
        ENCODING(Place.entering("persist.PersistJob", "enter").with("ENCODE"), 0, 0),
        HALF_WRITTEN(
                Place.entering("persist.store.LocalUpload$FileStream", "write").times(2), 0, 0),
        WRITTEN_NOT_NAMED(Place.entering("persist.PersistJob", "enter").with("UPLOAD"), 0, 0),
        UPLOADED(Place.entering("persist.PersistJob", "enter").with("CATALOG"), 1, 0),
        COMMITTED_AND_NOT_TOLD(Place.entering("persist.PersistLane", "settle"), 1, 1),
        RECORDED(Place.entering("persist.PersistJob", "succeed"), 1, 1),
        RELEASED(Place.entering("persist.PersistQueue", "finish"), 1, 1),
        LOG_TO_BE_SHORTENED(Place.entering("wal.SegmentPool", "recycle"), 1, 1),
        ONE_SEGMENT_DELETED(Place.entering("wal.SegmentPool", "recycle").times(2), 1, 1);

        private final Place place;
        private final int objects;
        private final int files;

        /// @param objects complete ones that the dead process has added
        /// @param files rows of the catalog that it has added
        Step(Place place, int objects, int files) {
            this.place = place;
            this.objects = objects;
            this.files = files;
        }

        boolean isInFile() {
            return files > 0;
        }

        /// Whether there is an object that the catalog will never know.
        boolean isOrphaned() {
            return objects > files;
        }
    }

    @TempDir
    private Path data = Path.of("");

    private final Random random = new Random(SEED);
    private Left left = new Left(0, 0);
    private int marks;
    private int orphans;

    @Test
    void aServerThatDiesAtAnyStepOfAPersistHasEachAcknowledgedRowInOneFileAfterwards() throws Exception {
        Optional<Step> diedAt = Optional.empty();
        for (Step step : Step.values()) {
            try (SluiceServer server = start()) {
                if (diedAt.isPresent()) {
                    requireEachInOneFile(server, diedAt.get());
                }
                write(server);
                dieAt(step, server);
            }
            requireLeft(step.objects, step.files, "by a server that died when " + step);
            if (step == Step.HALF_WRITTEN) {
                assertThat(unfinishedBytes()).singleElement(LONG).isPositive();
            }
            diedAt = Optional.of(step);
        }
        try (SluiceServer server = start()) {
            requireEachInOneFile(server, diedAt.orElseThrow());
            requireOrphansCollected();
            requireAllMarks(server, "behind gc");
            assertThat(server.stop()).isZero();
        }
        assertThat(unfinishedBytes()).as("unfinished files of dead processes").isEmpty();
    }

    private SluiceServer start() throws Exception {
        SluiceServer server = SluiceServer.launch(
                data,
                Map.of("SLUICE_JAVA_OPTS", "-Xmx512m -XX:TieredStopAtLevel=1 " + Failpoint.JVM_OPTION),
                "--wal-segment-bytes",
                "64KiB");
        server.awaitReady();
        return server;
    }

    private void write(SluiceServer server) throws Exception {
        for (int i = 0; i < WRITES; i++) {
            marks++;
            byte[] padding = new byte[PADDING_BYTES];
            random.nextBytes(padding);
            Marks.write(server, TABLE, marks, HexFormat.of().formatHex(padding));
        }
    }

    private static void dieAt(Step step, SluiceServer server) throws Exception {
        try (Failpoint failpoint = Failpoint.arm(server, step.place)) {
            // What it answers depends on whether the server was still there to do so.
            Thread persist = Thread.ofVirtual().start(() -> server.run("persist"));
            failpoint.awaitKill();
            persist.join();
        }
    }

    private void requireEachInOneFile(SluiceServer server, Step diedAt) throws Exception {
        assertThat(Rows.query(server, Marks.NAMESPACE, TABLE))
                .as("rows that come back from the log, %s", diedAt)
                .hasSize(diedAt.isInFile() ? 0 : WRITES);
        assertThat(server.run("persist")).isZero();
        requireLeft(diedAt.isInFile() ? 0 : 1, diedAt.isInFile() ? 0 : 1, "by the start after " + diedAt);
        requireAllMarks(server, "after " + diedAt);
        orphans += diedAt.isOrphaned() ? 1 : 0;
        assertThat(gc().out()).as("after %s", diedAt).last().isEqualTo(orphans + " objects are not in the catalog");
    }

    private void requireAllMarks(SluiceServer server, String when) throws Exception {
        assertThat(Marks.find(server, data, TABLE))
                .as("marks in files %s, seed %d", when, SEED)
                .isEqualTo(IntStream.rangeClosed(1, marks).boxed().toList());
    }

    private void requireLeft(int newObjects, int newFiles, String by) throws Exception {
        left = left.plus(newObjects, newFiles);
        try (Catalog catalog = Catalogs.open("sqlite:" + data.resolve("catalog.db"), Clock.systemUTC())) {
            assertThat(new Left(
                            objects().size(),
                            catalog.files(new NamespaceName(Marks.NAMESPACE), new TableName(TABLE))
                                    .size()))
                    .as("left %s", by)
                    .isEqualTo(left);
        }
    }

    private List<Path> objects() throws IOException {
        try (Stream<Path> found = Files.walk(data.resolve("objects"))) {
            return found.filter(path -> path.toString().endsWith(".parquet")).toList();
        }
    }

    private Offline gc(String... options) {
        return Offline.run(Stream.concat(Stream.of("gc", "--data-dir", data.toString()), Stream.of(options))
                .toList());
    }

    private void requireOrphansCollected() throws Exception {
        assertThat(gc("--delete", "--older-than", "1h").out())
                .as("a server may be about to record them")
                .containsExactly("0 objects deleted");
        for (Path object : objects()) {
            Files.setLastModifiedTime(
                    object, FileTime.from(Clock.systemUTC().instant().minus(OLD)));
        }
        assertThat(gc("--delete", "--older-than", "1h").out())
                .hasSize(orphans + 1)
                .last()
                .isEqualTo(orphans + " objects deleted");
        requireLeft(-orphans, 0, "by gc");
        assertThat(gc().out()).containsExactly("0 objects are not in the catalog");
    }

    /// Lengths of the files that uploads began and did not end.
    private List<Long> unfinishedBytes() throws IOException {
        List<Long> lengths = new ArrayList<>();
        try (Stream<Path> found = Files.walk(data.resolve("objects"))) {
            for (Path path : found.filter(Files::isRegularFile).toList()) {
                String name = path.getFileName().toString();
                if (!name.endsWith(".parquet") && !name.endsWith(".lock")) {
                    lengths.add(Files.size(path));
                }
            }
        }
        return lengths;
    }
}
