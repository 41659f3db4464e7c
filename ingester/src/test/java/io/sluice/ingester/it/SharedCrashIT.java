package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.Immutable;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import io.sluice.ingester.it.Failpoint.Place;
import io.sluice.persist.store.ObjectStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `kill -9` at those steps of a persist that differ on S3 and PostgreSQL from the local ones of `PersistCrashIT`:
/// ARCHITECTURE.md, invariants 3 and 9. Each step has rows and a table of its own.
final class SharedCrashIT {
    private static final int WRITES = 22;
    private static final long SEED = 20_261_121L;
    private static final int SMALL = 10;
    /// With [#WRITES] of them a file has three parts.
    private static final int LARGE = 768 << 10;
    private static final Duration OLD = Duration.ofHours(2);

    /// What dead processes leave behind.
    ///
    /// @param objects complete ones
    /// @param files rows of the catalog
    /// @param uploads of which S3 has parts
    @Immutable
    private record Left(int objects, int files, int uploads) {
        Left plus(Left more) {
            return new Left(objects + more.objects, files + more.files, uploads + more.uploads);
        }
    }

    private enum Step {
        HALF_UPLOADED(Place.entering("persist.store.S3Upload", "awaitOldest").times(2), LARGE, new Left(0, 0, 1)),
        ALL_PARTS_UPLOADED(Place.entering("persist.store.S3Upload", "completeMultipart"), LARGE, new Left(0, 0, 1)),
        UPLOADED_AND_NOT_TOLD(Place.entering("persist.store.S3Upload", "verify"), SMALL, new Left(1, 0, 0)),
        UPLOADED(Place.entering("persist.PersistJob", "enter").with("CATALOG"), SMALL, new Left(1, 0, 0)),
        WITHIN_THE_TRANSACTION(Place.entering("persist.catalog.FileStatements", "insert"), SMALL, new Left(1, 0, 0)),
        COMMITTED_AND_NOT_TOLD(Place.entering("persist.PersistLane", "settle"), SMALL, new Left(1, 1, 0));

        private final Place place;
        private final int paddingBytes;
        private final Left leaves;

        Step(Place place, int paddingBytes, Left leaves) {
            this.place = place;
            this.paddingBytes = paddingBytes;
            this.leaves = leaves;
        }

        boolean isInFile() {
            return leaves.files() > 0;
        }

        String table() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @TempDir
    private Path folder = Path.of("");

    private final Random random = new Random(SEED);
    private Left left = new Left(0, 0, 0);

    @Test
    void aServerOnSharedStoresThatDiesAtAnyStepOfAPersistHasEachAcknowledgedRowInOneFileAfterwards() throws Exception {
        try (S3Server s3 = S3Server.startOnDisk(folder);
                PostgresServer postgres = PostgresServer.start(folder);
                SharedStores stores = new SharedStores(s3, postgres, folder)) {
            Optional<Step> diedAt = Optional.empty();
            for (Step step : Step.values()) {
                try (SluiceServer server = start(stores)) {
                    if (diedAt.isPresent()) {
                        requireEachInOneFile(stores, server, diedAt.get());
                    }
                    write(server, step);
                    dieAt(step, server);
                }
                requireLeft(stores, step.leaves, "by a server that died when " + step);
                diedAt = Optional.of(step);
            }
            try (SluiceServer server = start(stores)) {
                requireEachInOneFile(stores, server, diedAt.orElseThrow());
                requireCollected(stores);
                for (Step step : Step.values()) {
                    requireAllMarks(stores, step);
                }
                assertThat(server.stop()).isZero();
            }
        }
    }

    private static SluiceServer start(SharedStores stores) throws Exception {
        SluiceServer server = stores.launchWith("-Xmx512m -XX:TieredStopAtLevel=1 " + Failpoint.JVM_OPTION, "one");
        server.awaitReady();
        return server;
    }

    private void write(SluiceServer server, Step step) throws Exception {
        for (int mark = 1; mark <= WRITES; mark++) {
            byte[] padding = new byte[step.paddingBytes];
            random.nextBytes(padding);
            Marks.write(
                    server,
                    step.table(),
                    mark,
                    Base64.getEncoder().withoutPadding().encodeToString(padding));
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

    private void requireEachInOneFile(SharedStores stores, SluiceServer server, Step diedAt) throws Exception {
        assertThat(Rows.query(server, Marks.NAMESPACE, diedAt.table(), "w"))
                .as("rows that come back from the log, %s", diedAt)
                .hasSize(diedAt.isInFile() ? 0 : WRITES);
        assertThat(server.run("persist")).isZero();
        requireLeft(
                stores,
                diedAt.isInFile() ? new Left(0, 0, 0) : new Left(1, 1, 0),
                "by the start after %s".formatted(diedAt));
        requireAllMarks(stores, diedAt);
        List<String> found = stores.offline("gc").out();
        assertThat(found).as("after %s", diedAt).contains(orphans() + " objects are not in the catalog");
        assertThat(found).as("after %s", diedAt).contains(left.uploads() + " unfinished uploads");
    }

    private int orphans() {
        return left.objects() - left.files();
    }

    private static void requireAllMarks(SharedStores stores, Step step) throws Exception {
        assertThat(stores.rowsInFiles(step.table()).stream()
                        .map(Marks::mark)
                        .sorted()
                        .toList())
                .as("marks in files of %s, seed %d", step, SEED)
                .isEqualTo(IntStream.rangeClosed(1, WRITES).boxed().toList());
    }

    private void requireLeft(SharedStores stores, Left more, String by) throws Exception {
        left = left.plus(more);
        assertThat(look(stores)).as("left %s", by).isEqualTo(left);
    }

    private static Left look(SharedStores stores) throws Exception {
        AtomicInteger objects = new AtomicInteger();
        AtomicInteger uploads = new AtomicInteger();
        try (ObjectStore store = stores.openStore()) {
            store.list("", _ -> objects.incrementAndGet());
            store.listUnfinished(_ -> uploads.incrementAndGet());
        }
        return new Left(objects.get(), stores.catalogued().size(), uploads.get());
    }

    /// What no server will ever record goes, and nothing else, while a server runs.
    private void requireCollected(SharedStores stores) throws Exception {
        assertThat(stores.offline("gc", "--delete", "--older-than", "1h").out())
                .as("a server may be about to record them")
                .containsExactly("0 objects deleted");
        age(folder.resolve("s3-objects"));
        List<String> deleted =
                stores.offline("gc", "--delete", "--older-than", "1h").out();
        assertThat(deleted)
                .hasSize(orphans() + left.uploads() + 2)
                .contains(orphans() + " objects deleted", left.uploads() + " unfinished uploads aborted");
        assertThat(look(stores)).isEqualTo(new Left(left.files(), left.files(), 0));
        assertThat(stores.offline("gc").out()).containsExactly("0 objects are not in the catalog");
        try (Stream<Path> files = Files.walk(folder.resolve("s3-objects"))) {
            assertThat(files.filter(Files::isRegularFile))
                    .as("what S3Proxy has on disk, parts of uploads included")
                    .hasSize(left.files());
        }
    }

    /// Makes all that the bucket holds old.
    private static void age(Path objects) throws IOException {
        FileTime old = FileTime.from(Clock.systemUTC().instant().minus(OLD));
        try (Stream<Path> files = Files.walk(objects)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.setLastModifiedTime(file, old);
            }
        }
    }
}
