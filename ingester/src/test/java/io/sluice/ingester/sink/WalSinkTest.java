package io.sluice.ingester.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.TimestampOracle;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.model.NamespaceName;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.Wal;
import io.sluice.wal.WalInspector;
import io.sluice.wal.WalListener;
import io.sluice.wal.WalSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Invariant 1 over a real log on disk: durable, then applied in order, then visible, then acknowledged.
final class WalSinkTest {
    private static final ThreadFactory THREADS =
            Thread.ofPlatform().name("wal-", 0).factory();
    private static final NamespaceName NAMESPACE = new NamespaceName("n");

    @TempDir
    private Path folder = Path.of("");

    private final StableWatermark stable = new StableWatermark();
    private final RecordingSink applied = new RecordingSink();
    private Optional<Wal> wal = Optional.empty();
    private Optional<WalSink> sink = Optional.empty();

    /// Notes what it is given, and can be told to wait or to fail.
    private static final class RecordingSink implements WriteSink {
        final List<Long> sequences = Collections.synchronizedList(new ArrayList<>());
        final List<String> payloads = Collections.synchronizedList(new ArrayList<>());
        volatile String poison = "none";
        volatile CountDownLatch gate = new CountDownLatch(0);
        final CountDownLatch entered = new CountDownLatch(1);

        @Override
        public CompletableFuture<SequenceNumber> apply(WriteOperation operation) {
            entered.countDown();
            try {
                gate.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            String payload = new String(operation.payload(), StandardCharsets.UTF_8);
            if (payload.equals(poison)) {
                throw new IllegalStateException("does not apply: " + payload);
            }
            sequences.add(operation.sequence().value());
            payloads.add(payload);
            return CompletableFuture.completedFuture(operation.sequence());
        }
    }

    @BeforeEach
    void open() throws IOException, InterruptedException {
        Wal opened =
                Wal.open(WalSettings.defaults(folder), Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry());
        wal = Optional.of(opened);
        opened.replay(
                (sequence, _) -> {
                    throw new IOException("a new log has write " + sequence);
                },
                THREADS);
        WalSink made = new WalSink(opened, applied, stable);
        sink = Optional.of(made);
        opened.start(new TimestampOracle(SequenceNumber.NONE), new UUID(1, 1), THREADS, new WalListener() {
            @Override
            public void completed(SequenceNumber through) {
                made.completed(through);
            }

            @Override
            public void failed(IOException cause) {
                throw new AssertionError("the log failed", cause);
            }
        });
    }

    @AfterEach
    void close() throws IOException, InterruptedException {
        applied.gate.countDown();
        wal.orElseThrow().close();
    }

    private CompletableFuture<SequenceNumber> write(String payload) {
        WriteOperation operation = new WriteOperation(payload.getBytes(StandardCharsets.UTF_8), NAMESPACE, List.of());
        return sink.orElseThrow().apply(operation).toCompletableFuture();
    }

    private static <T> T get(Future<T> future) throws Exception {
        return future.get(1, TimeUnit.MINUTES);
    }

    @Test
    void whoeverHearsOfAWriteFindsItStableAndApplied() throws Exception {
        for (int i = 1; i <= 50; i++) {
            String payload = "w" + i;
            long seen = get(write(payload).thenApply(sequence -> {
                assertThat(stable.stable().isAfter(sequence) || stable.stable().equals(sequence))
                        .as("write %s is acknowledged, stable is %s", sequence, stable.stable())
                        .isTrue();
                assertThat(applied.payloads).contains(payload);
                return sequence.value();
            }));
            assertThat(seen).isEqualTo(i);
        }
    }

    @Test
    void aDurableWriteThatIsNotYetAppliedIsNeitherStableNorAcknowledged() throws Exception {
        applied.gate = new CountDownLatch(1);
        CompletableFuture<SequenceNumber> outcome = write("slow");
        applied.entered.await();
        List<Long> onDisk = new ArrayList<>();
        new WalInspector(folder, THREADS).entries(1, 9, entry -> onDisk.add(entry.sequence()));
        assertThat(onDisk).containsExactly(1L);
        assertThat(outcome).isNotDone();
        assertThat(stable.stable()).isEqualTo(SequenceNumber.NONE);
        applied.gate.countDown();
        assertThat(get(outcome).value()).isEqualTo(1);
        assertThat(stable.stable().value()).isEqualTo(1);
    }

    @Test
    void eightThreadsWritesAreAppliedInTheOrderOfTheirNumbersEachOnce() throws Exception {
        int threads = 8;
        int each = 100;
        var acknowledged = new ConcurrentLinkedQueue<Long>();
        try (ExecutorService writers = Executors.newFixedThreadPool(threads)) {
            List<Future<Long>> done = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                String name = "t" + thread + "-";
                done.add(writers.submit(() -> {
                    long last = 0;
                    for (int i = 0; i < each; i++) {
                        long sequence = get(write(name + i)).value();
                        assertThat(stable.stable().value()).isGreaterThanOrEqualTo(sequence);
                        assertThat(sequence)
                                .as("a client's writes stand in its order")
                                .isGreaterThan(last);
                        acknowledged.add(sequence);
                        last = sequence;
                    }
                    return last;
                }));
            }
            for (Future<Long> one : done) {
                get(one);
            }
        }
        assertThat(applied.sequences).hasSize(threads * each).isSorted().doesNotHaveDuplicates();
        assertThat(applied.sequences.getLast()).isEqualTo((long) threads * each);
        assertThat(applied.payloads).doesNotHaveDuplicates();
        assertThat(acknowledged).containsExactlyInAnyOrderElementsOf(applied.sequences);
        assertThat(stable.stable().value()).isEqualTo((long) threads * each);
    }

    @Test
    void theOutcomeOfAWriteThatDoesNotApplyIsUnknownAndThoseBehindItGoOn() throws Exception {
        applied.poison = "bad";
        applied.gate = new CountDownLatch(1);
        CompletableFuture<SequenceNumber> before = write("before");
        CompletableFuture<SequenceNumber> bad = write("bad");
        CompletableFuture<SequenceNumber> behind = write("behind");
        applied.gate.countDown();
        assertThat(get(before).value()).isEqualTo(1);
        assertThatThrownBy(() -> get(bad))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOf(OutcomeUnknownException.class)
                .hasMessageContaining("write 2");
        assertThat(get(behind).value()).isEqualTo(3);
        assertThat(applied.payloads).containsExactly("before", "behind");
        assertThat(stable.stable().value()).isEqualTo(3);
    }

    @Test
    void aWriteToAClosedLogIsRefusedAndNeverApplied() throws Exception {
        wal.orElseThrow().close();
        assertThatThrownBy(() -> get(write("late")))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        WriteRefusedException.class,
                        refused -> assertThat(refused.reason()).isEqualTo(Reason.GRACEFUL_STOP));
        assertThat(applied.payloads).isEmpty();
        assertThat(stable.stable()).isEqualTo(SequenceNumber.NONE);
    }
}
