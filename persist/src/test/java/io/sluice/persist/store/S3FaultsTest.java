package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.fixtures.BreakableConnection;
import io.sluice.fixtures.S3Server;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A line to S3 that breaks, a server that has too much to do, answers that are lost: what is uploaded is whole and
/// there once, or the caller hears why not.
final class S3FaultsTest {
    private static final long SEED = 6;
    private static final int TWO_PARTS_AND_A_BIT = 2 * S3Upload.PART_BYTES + 12_345;

    @TempDir
    private static Path folder;

    private static S3Server server;
    private static ExecutorService uploads;
    private static final AtomicInteger PREFIXES = new AtomicInteger();

    private final MeterRegistry meters = new SimpleMeterRegistry();
    private final List<Duration> pauses = Collections.synchronizedList(new ArrayList<>());
    private BreakableConnection line;
    private ObjectStore store;

    @BeforeAll
    static void startServer() throws IOException, InterruptedException {
        server = S3Server.start(folder);
        uploads = Executors.newVirtualThreadPerTaskExecutor();
    }

    @AfterAll
    static void stopServer() {
        server.close();
        uploads.close();
    }

    @BeforeEach
    void open() throws IOException {
        line = BreakableConnection.to(server.port());
        store = open(pauses::add);
    }

    private ObjectStore open(Pause pause) throws IOException {
        return S3Stores.open(
                URI.create("http://127.0.0.1:" + line.port()),
                "sluice/faults-" + PREFIXES.incrementAndGet(),
                uploads,
                pause,
                meters);
    }

    @AfterEach
    void close() throws IOException {
        store.close();
        line.close();
    }

    @Test
    void aSmallObjectWhoseAnswerIsLostIsThereOnceAndTheUploadSucceeds() throws IOException {
        line.loseAnswerTo(request -> request.startsWith("PUT"));

        ObjectInfo info = put("a/b", bytes(1_000));

        assertThat(line.lostAnswers()).isEqualTo(1);
        assertThat(store.find("a/b")).contains(info);
        assertThat(get("a/b")).isEqualTo(bytes(1_000));
    }

    @Test
    void aLargeObjectWhoseCompletionIsNotAnsweredIsThereOnceAndTheUploadSucceeds() throws IOException {
        line.loseAnswerTo(request -> request.startsWith("POST") && request.contains("uploadId="));

        ObjectInfo info = put("a/b", bytes(TWO_PARTS_AND_A_BIT));

        assertThat(line.lostAnswers()).isEqualTo(1);
        assertThat(info.sizeBytes()).isEqualTo(TWO_PARTS_AND_A_BIT);
        assertThat(get("a/b")).isEqualTo(bytes(TWO_PARTS_AND_A_BIT));
        assertThat(unfinished()).isEmpty();
    }

    @Test
    void aPartWhoseAnswerIsLostIsSentAgain() throws IOException {
        line.loseAnswerTo(request -> request.startsWith("PUT") && request.contains("partNumber=2"));

        put("a/b", bytes(TWO_PARTS_AND_A_BIT));

        assertThat(line.lostAnswers()).isEqualTo(1);
        assertThat(get("a/b")).isEqualTo(bytes(TWO_PARTS_AND_A_BIT));
        assertThat(meters.counter("sluice.object.store.retry").count()).isGreaterThanOrEqualTo(1);
    }

    @Test
    void aLargeObjectReplacesAnotherAsAWhole() throws IOException {
        put("a", bytes(10));
        put("a", bytes(TWO_PARTS_AND_A_BIT));
        assertThat(get("a")).isEqualTo(bytes(TWO_PARTS_AND_A_BIT));

        put("a", bytes(S3Upload.PART_BYTES + 1));
        assertThat(get("a")).isEqualTo(bytes(S3Upload.PART_BYTES + 1));
        assertThat(unfinished()).isEmpty();
    }

    @Test
    void aServerThatIsGoneIsToldAfterAFewAttemptsWithGrowingPauses() throws IOException {
        line.cut();

        assertThatIOException()
                .isThrownBy(() -> put("a", bytes(10)))
                .withMessageContaining("cannot complete object 'a'")
                .withMessageContaining("s3://sluice/faults-");

        assertThat(pauses).hasSize(S3Calls.MAX_ATTEMPTS - 1);
        assertThat(pauses.getLast()).isGreaterThan(pauses.getFirst());
        line.mend();
        put("a", bytes(10));
        assertThat(get("a")).isEqualTo(bytes(10));
    }

    @Test
    void aServerThatHasTooMuchToDoIsAskedAgainLater() throws IOException {
        line.makeBusy();
        ObjectStore patient = open(_ -> line.mend());

        try (ObjectUpload upload = patient.upload("a")) {
            upload.out().write(bytes(10));
            assertThat(upload.complete().sizeBytes()).isEqualTo(10);
        }
        assertThat(line.refused()).isPositive();
        patient.close();
    }

    @Test
    void anUploadThatFailsHalfWayLeavesNoObjectAndIsFoundAndDiscardedLater() throws IOException {
        ObjectUpload upload = store.upload("a/b");
        upload.out().write(bytes(S3Upload.PART_BYTES + 1)); // the first part is on its way
        line.cut();
        assertThatIOException().isThrownBy(() -> {
            upload.out().write(bytes(TWO_PARTS_AND_A_BIT));
            upload.complete();
        });
        upload.close();
        line.mend();

        assertThat(store.find("a/b")).isEmpty();
        List<UnfinishedUpload> left = unfinished();
        assertThat(left).singleElement().satisfies(one -> assertThat(one.name()).isEqualTo("a/b"));

        store.discard(left.getFirst());
        store.discard(left.getFirst());

        assertThat(unfinished()).isEmpty();
    }

    @Test
    void whoGivesUpALargeUploadLeavesNothing() throws IOException {
        try (ObjectUpload upload = store.upload("a/b")) {
            upload.out().write(bytes(TWO_PARTS_AND_A_BIT));
        }

        assertThat(store.find("a/b")).isEmpty();
        assertThat(unfinished()).isEmpty();
    }

    @Test
    void anInterruptedPauseEndsTheCallAndTheThreadStaysInterrupted() throws IOException {
        ObjectStore interrupted = open(_ -> {
            throw new InterruptedException();
        });
        line.cut();

        assertThatThrownBy(() -> interrupted.find("a")).isInstanceOf(InterruptedIOException.class);
        assertThat(Thread.interrupted()).isTrue();
        interrupted.close();
    }

    @Test
    void anObjectIsReadFromAPositionOn() throws IOException {
        put("a", bytes(100_000));

        try (InputStream in = store.open("a", 99_990)) {
            assertThat(in.readAllBytes()).isEqualTo(Arrays.copyOfRange(bytes(100_000), 99_990, 100_000));
        }
    }

    @Test
    void aListingHasAllPages() throws IOException {
        List<String> names = new ArrayList<>();
        try (ObjectStore paged = S3ObjectStore.open(
                S3Stores.settings(server.endpoint(), "sluice/pages"), S3Stores.context(uploads, _ -> {}, meters), 3)) {
            for (int i = 0; i < 10; i++) {
                try (ObjectUpload upload = paged.upload("many/" + i)) {
                    upload.complete();
                }
            }
            paged.list("many/", info -> names.add(info.name()));
        }

        assertThat(names).hasSize(10).doesNotHaveDuplicates();
    }

    @Test
    void aMissingBucketIsNamedAtTheStart() {
        assertThatIOException()
                .isThrownBy(() -> S3Stores.open(server.endpoint(), "no-such-bucket/a", uploads, _ -> {}, meters))
                .withMessageStartingWith("object store s3://no-such-bucket/a at " + server.endpoint()
                        + ": there is no bucket 'no-such-bucket': create it, or correct --object-store: NoSuchBucket");
    }

    @Test
    void aServerThatCannotBeReachedIsNamedAtTheStart() {
        line.cut();

        assertThatIOException()
                .isThrownBy(() -> open(_ -> {}))
                .withMessageContaining("at http://127.0.0.1:" + line.port() + ": it cannot be reached: ")
                .satisfies(
                        e -> assertThat(String.valueOf(e.getMessage()).lines()).hasSize(1));
    }

    @Test
    void credentialsThatAreRefusedAreNamedAtTheStart() {
        String secret = System.setProperty("aws.secretAccessKey", "wrong");
        try {
            assertThatIOException()
                    .isThrownBy(() -> open(_ -> {}))
                    .withMessageContaining(": access is denied: expected credentials that may list")
                    .withMessageContaining("SignatureDoesNotMatch");
        } finally {
            System.setProperty("aws.secretAccessKey", secret);
        }
    }

    @Test
    void anAddressThatIsNoneIsRefused() {
        for (String wrong :
                List.of("s3://", "s3://B", "s3://ab", "s3://bucket//a", "s3://bucket/../a", "s3://bucket/ä")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ObjectStores.check(wrong))
                    .withMessageContaining(wrong);
        }
        ObjectStores.check("s3://bucket");
        ObjectStores.check("s3://bucket/");
        ObjectStores.check("s3://bucket/a/b/");
    }

    private ObjectInfo put(String name, byte[] content) throws IOException {
        try (ObjectUpload upload = store.upload(name)) {
            upload.out().write(content);
            return upload.complete();
        }
    }

    private byte[] get(String name) throws IOException {
        try (InputStream in = store.open(name)) {
            return in.readAllBytes();
        }
    }

    private List<UnfinishedUpload> unfinished() throws IOException {
        List<UnfinishedUpload> found = new ArrayList<>();
        store.listUnfinished(found::add);
        return found;
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(SEED).nextBytes(bytes);
        return bytes;
    }
}
