package io.sluice.ingester.write;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.FailingCatalog.Mode;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.sink.OutcomeUnknownException;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteRefusedException;
import io.sluice.ingester.sink.WriteSink;
import io.sluice.model.ColumnSchema;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.wal.AppendSession;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every way in which a write can end. Each gives the permit back once, and leaves no memory behind.
final class WritePathTest {
    private static final int MAX_WRITES = 2;
    private static final long MAX_BYTES = 1 << 20;
    private static final byte[] GARBAGE = "no protobuf".getBytes(StandardCharsets.UTF_8);

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator root = new RootAllocator();
    private final BufferAllocator allocator = root.newChildAllocator("buffer", 0, Long.MAX_VALUE);
    private final IngestState state = new IngestState(() -> 0, new SimpleMeterRegistry());
    private final InFlightWrites inFlight =
            new InFlightWrites(MAX_BYTES, MAX_WRITES, () -> 0, new SimpleMeterRegistry());
    private final Refusals refusals = Admissions.refusals();
    private final WaitingSink sink = new WaitingSink();
    private Optional<Pipeline> pipeline = Optional.empty();
    private Optional<WritePath> path = Optional.empty();

    /// Keeps what it is given until the test says what became of it.
    private static final class WaitingSink implements WriteSink {
        private final Deque<CompletableFuture<SequenceNumber>> outcomes = new ConcurrentLinkedDeque<>();
        private final List<Integer> payloadBytes = new ArrayList<>();
        private final Semaphore entered = new Semaphore(0);
        private boolean isBroken;

        @Override
        public CompletionStage<SequenceNumber> apply(WriteOperation operation) {
            operation.close();
            if (isBroken) {
                throw new IllegalStateException("a bug in the sink");
            }
            payloadBytes.add(operation.payload().length);
            CompletableFuture<SequenceNumber> outcome = new CompletableFuture<>();
            outcomes.addLast(outcome);
            entered.release();
            return outcome;
        }

        void succeed(long sequence) {
            outcomes.removeFirst().complete(new SequenceNumber(sequence));
        }

        void fail(Throwable cause) {
            outcomes.removeFirst().completeExceptionally(cause);
        }
    }

    @BeforeEach
    void open() throws IOException {
        Pipeline opened = Pipeline.open(folder, allocator);
        pipeline = Optional.of(opened);
        path = Optional.of(path(opened, Duration.ZERO, sink));
    }

    @AfterEach
    void close() throws IOException {
        assertThat(inFlight.writes()).as("permits").isZero();
        assertThat(inFlight.bytes()).isZero();
        pipeline.orElseThrow().close();
        allocator.close();
        root.close();
    }

    private WritePath path(Pipeline parts, Duration maxWait, WriteSink end) {
        return new WritePath(state, inFlight, maxWait, refusals, parts.preparer(), end);
    }

    private static byte[] request(long seed) {
        return GeneratedTable.request("n", GeneratedTable.of(new Random(seed), "m", 5));
    }

    private CompletableFuture<WriteOutcome> write(byte[] request) {
        return path.orElseThrow().write(request, CatalogAccess.FREE).toCompletableFuture();
    }

    private static <T extends WriteOutcome> T outcome(CompletableFuture<WriteOutcome> write, Class<T> type) {
        assertThat(write).isCompleted();
        assertThat(write.join()).isInstanceOf(type);
        return type.cast(write.join());
    }

    @Test
    void aWriteHoldsItsPermitUntilItsOutcomeIsKnown() {
        byte[] request = request(1);
        CompletableFuture<WriteOutcome> write = write(request);
        assertThat(write).isNotDone();
        assertThat(inFlight.writes()).isEqualTo(1);
        assertThat(inFlight.bytes()).isEqualTo(request.length);
        sink.succeed(7);
        assertThat(outcome(write, WriteOutcome.Written.class).sequence().value())
                .isEqualTo(7);
    }

    /// Garbage is not even looked at, the catalog not asked: a refusal costs nothing.
    @ParameterizedTest
    @EnumSource(Reason.class)
    void aStateThatRefusesSaysSoBeforeAnyCost(Reason reason) {
        state.set(reason);
        int asked = pipeline.orElseThrow().catalog().calls();
        for (byte[] request : List.of(GARBAGE, request(1))) {
            WriteOutcome.Refused refused = outcome(write(request), WriteOutcome.Refused.class);
            assertThat(refused.reason()).isEqualTo(reason);
            assertThat(refused.message()).isNotBlank();
            assertThat(refused.retryAfter()).isPositive();
        }
        assertThat(pipeline.orElseThrow().catalog().calls()).isEqualTo(asked);
        assertThat(sink.payloadBytes).isEmpty();
        state.clear(reason);
        CompletableFuture<WriteOutcome> write = write(request(1));
        sink.succeed(1);
        assertThat(outcome(write, WriteOutcome.Written.class).sequence().value())
                .isEqualTo(1);
    }

    @Test
    @DisplayName("Invariant 7: more writes at once than allowed are refused, with the limit and its use")
    void tooManyWritesAtOnceAreRefusedUntilOneEnds() {
        CompletableFuture<WriteOutcome> first = write(request(1));
        CompletableFuture<WriteOutcome> second = write(request(2));
        WriteOutcome.Refused refused = outcome(write(GARBAGE), WriteOutcome.Refused.class);
        assertThat(refused.reason()).isEqualTo(Reason.INFLIGHT_BYTES);
        assertThat(refused.message()).contains("2 of 2 writes (--inflight-ops)", "--inflight-bytes");
        assertThat(refused.retryAfter()).isEqualTo(Duration.ofMillis(1_500));
        sink.succeed(1);
        CompletableFuture<WriteOutcome> third = write(request(3));
        sink.succeed(2);
        sink.succeed(3);
        assertThat(List.of(first, second, third)).allSatisfy(write -> outcome(write, WriteOutcome.Written.class));
    }

    @Test
    void aWriteWaitsForRoomAndBlocksItsThreadForSoLong() throws Exception {
        WritePath patient = path(pipeline.orElseThrow(), Duration.ofMinutes(1), sink);
        CompletableFuture<WriteOutcome> first = write(request(1));
        CompletableFuture<WriteOutcome> second = write(request(2));
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<WriteOutcome> third = thread.submit(() -> patient.write(request(3), CatalogAccess.FREE)
                    .toCompletableFuture()
                    .join());
            while (inFlight.waiting() == 0) {
                Thread.onSpinWait();
            }
            assertThat(sink.payloadBytes).hasSize(2);
            sink.succeed(1);
            sink.entered.acquire(3);
            sink.succeed(2);
            sink.succeed(3);
            assertThat(third.get(1, TimeUnit.MINUTES)).isInstanceOf(WriteOutcome.Written.class);
            assertThat(List.of(first, second)).allSatisfy(write -> outcome(write, WriteOutcome.Written.class));
        }
    }

    @Test
    void aWriteWithRoomOfItsOwnGivesItBackHoweverItEnds() {
        for (byte[] request : List.of(GARBAGE, request(1))) {
            CompletableFuture<WriteOutcome> write = new CompletableFuture<>();
            path.orElseThrow()
                    .write(
                            request,
                            new AppendSession(),
                            CatalogAccess.FREE,
                            inFlight.tryEnter(request.length).orElseThrow(),
                            outcome -> {
                                assertThat(inFlight.writes())
                                        .as("while it is told")
                                        .isEqualTo(1);
                                write.complete(outcome);
                            });
            if (!write.isDone()) {
                assertThat(inFlight.bytes()).isEqualTo(request.length);
                sink.succeed(1);
            }
            assertThat(write).isCompleted();
            assertThat(inFlight.writes()).isZero();
        }
        state.set(Reason.GRACEFUL_STOP);
        CompletableFuture<WriteOutcome> stopped = new CompletableFuture<>();
        path.orElseThrow()
                .write(
                        request(1),
                        new AppendSession(),
                        CatalogAccess.FREE,
                        inFlight.tryEnter(1).orElseThrow(),
                        stopped::complete);
        assertThat(outcome(stopped, WriteOutcome.Refused.class).reason()).isEqualTo(Reason.GRACEFUL_STOP);
        assertThat(sink.payloadBytes).hasSize(1);
    }

    /// Whether a write was taken at once; its room is given back if not.
    private boolean tryWrite(byte[] request, CompletableFuture<WriteOutcome> told) {
        WritePermit permit = inFlight.tryEnter(request.length).orElseThrow();
        boolean isTaken = path.orElseThrow().tryWrite(request, new AppendSession(), permit, told::complete);
        assertThat(inFlight.writes()).as("the permit is the caller's still").isEqualTo(1);
        if (!isTaken) {
            permit.close();
        }
        return isTaken;
    }

    @Test
    void onlyAWriteThatLooksLikeOneBeforeIsTakenAtOnceAndOnlyWhileItsPartitionIsHere() {
        byte[] request = GeneratedTable.request("n", GeneratedTable.of(new Random(1), "m", 1));
        CompletableFuture<WriteOutcome> told = new CompletableFuture<>();
        assertThat(tryWrite(request, told)).as("it was never seen").isFalse();
        assertThat(tryWrite(GARBAGE, told)).isFalse();
        CompletableFuture<WriteOutcome> first = write(request);
        sink.succeed(1);
        assertThat(first).isCompleted();

        assertThat(tryWrite(request, told)).isTrue();
        assertThat(told).isNotDone();
        sink.succeed(2);
        assertThat(outcome(told, WriteOutcome.Written.class).sequence().value()).isEqualTo(2);
        assertThat(inFlight.writes()).isZero();

        CompletableFuture<WriteOutcome> later = new CompletableFuture<>();
        state.set(Reason.DISK_FULL);
        assertThat(tryWrite(request, later)).as("while writes are refused").isFalse();
        state.clear(Reason.DISK_FULL);
        for (int look = 0; look < 2; look++) {
            pipeline.orElseThrow().buffer().evictIdle(Duration.ZERO);
        }
        assertThat(tryWrite(request, later)).as("the catalog is to be asked").isFalse();
        assertThat(sink.payloadBytes).hasSize(2);
        assertThat(later).isNotDone();
    }

    /// A look may block, and what it finds holds for the write that looks.
    @Test
    void theWriteWithWhichALookIsDueLooksAndIsNotTakenAtOnce() {
        byte[] request = GeneratedTable.request("n", GeneratedTable.of(new Random(1), "m", 1));
        CompletableFuture<WriteOutcome> first = write(request);
        sink.succeed(1);
        assertThat(first).isCompleted();
        inFlight.lookEvery(2L * request.length, () -> {
            boolean _ = state.set(Reason.DISK_FULL);
        });
        CompletableFuture<WriteOutcome> told = new CompletableFuture<>();
        assertThat(tryWrite(request, told)).isFalse();
        assertThat(state.has(Reason.DISK_FULL)).isFalse();
        assertThat(outcome(write(request), WriteOutcome.Refused.class).reason()).isEqualTo(Reason.DISK_FULL);
        state.clear(Reason.DISK_FULL);
        assertThat(tryWrite(request, told)).isTrue();
        sink.succeed(2);
        assertThat(told).isCompleted();
    }

    @Test
    void aBugMetAtOnceIsAnOutcomeAndGivesThePermitBack() {
        byte[] request = GeneratedTable.request("n", GeneratedTable.of(new Random(1), "m", 1));
        CompletableFuture<WriteOutcome> first = write(request);
        sink.succeed(1);
        assertThat(first).isCompleted();
        sink.isBroken = true;
        CompletableFuture<WriteOutcome> told = new CompletableFuture<>();
        WritePermit permit = inFlight.tryEnter(request.length).orElseThrow();
        assertThat(path.orElseThrow().tryWrite(request, new AppendSession(), permit, told::complete))
                .isTrue();
        assertThat(outcome(told, WriteOutcome.Unknown.class).message()).contains("a bug in the sink");
        assertThat(inFlight.writes()).isZero();
    }

    @Test
    void aServerThatStartsRefusesWritesOfStreamsTooAndKeepsNoRoom() {
        CompletableFuture<WriteOutcome> write = new CompletableFuture<>();
        WritePath.notReady(inFlight, refusals)
                .write(
                        GARBAGE,
                        new AppendSession(),
                        CatalogAccess.FREE,
                        inFlight.tryEnter(1).orElseThrow(),
                        write::complete);
        assertThat(outcome(write, WriteOutcome.Refused.class).reason()).isEqualTo(Reason.NOT_READY);
    }

    @Test
    void aRequestThatIsWrongInItselfIsInvalid() {
        assertThat(outcome(write(GARBAGE), WriteOutcome.Invalid.class).message())
                .contains("WriteRequest");
        assertThat(outcome(write(new byte[0]), WriteOutcome.Invalid.class).message())
                .contains("namespace");
        assertThat(sink.payloadBytes).isEmpty();
    }

    @Test
    void aColumnOfAnotherKindIsAConflictThatSaysBoth() throws Exception {
        pipeline.orElseThrow()
                .catalog()
                .ensureTable(
                        Pipeline.NAMESPACE,
                        new TableName("m"),
                        List.of(
                                ColumnSchema.tag("i"),
                                ColumnSchema.tag("u"),
                                ColumnSchema.tag("f"),
                                ColumnSchema.tag("b"),
                                ColumnSchema.tag("s"),
                                ColumnSchema.tag("t")),
                        10);
        assertThat(outcome(write(request(1)), WriteOutcome.Conflict.class).message())
                .contains("TAG", "FIELD of type", "'m'", "'n'");
        assertThat(sink.payloadBytes).isEmpty();
    }

    @Test
    void aCatalogThatDoesNotAnswerIsARefusal() {
        for (Mode mode : List.of(Mode.FAILS, Mode.LOSES_REPLIES)) {
            pipeline.orElseThrow().catalog().set(mode);
            WriteOutcome.Refused refused = outcome(write(request(1)), WriteOutcome.Refused.class);
            assertThat(refused.reason()).isEqualTo(Reason.CATALOG_UNAVAILABLE);
            assertThat(refused.message()).contains("catalog");
            assertThat(refused.retryAfter()).isPositive();
        }
        assertThat(sink.payloadBytes).isEmpty();
    }

    /// The schema is known then; the partition's node is not.
    @Test
    void aCatalogThatFailsBetweenSchemaAndPartitionLeavesNoMemory() throws Exception {
        byte[] request = request(1);
        CompletableFuture<WriteOutcome> known = write(request);
        sink.succeed(1);
        assertThat(known).isCompleted();
        pipeline.orElseThrow().catalog().set(Mode.FAILS);
        byte[] elsewhere = GeneratedTable.request("n", GeneratedTable.of(new Random(1), "m", 2_000));
        assertThat(outcome(write(elsewhere), WriteOutcome.Refused.class).reason())
                .isEqualTo(Reason.CATALOG_UNAVAILABLE);
        assertThat(allocator.getAllocatedMemory()).isZero();
    }

    @Test
    @DisplayName("Invariant 7: a write that finds no memory is refused, and nothing of it stays")
    void aWriteThatFindsNoMemoryIsRefused() {
        allocator.setLimit(100);
        WriteOutcome.Refused refused = outcome(write(request(1)), WriteOutcome.Refused.class);
        assertThat(refused.reason()).isEqualTo(Reason.MEMORY_LIMIT);
        assertThat(refused.message()).contains("memory");
        assertThat(allocator.getAllocatedMemory()).isZero();
        allocator.setLimit(Long.MAX_VALUE);
        CompletableFuture<WriteOutcome> write = write(request(1));
        sink.succeed(1);
        assertThat(outcome(write, WriteOutcome.Written.class).sequence().value())
                .isEqualTo(1);
    }

    /// The second table alone is just within the limit: 512 columns on 512 days.
    @Test
    @DisplayName("Invariant 7: the partitions of all tables of a request have one limit")
    void aRequestOfTooManyPartitionsIsInvalid() {
        Int64s.Builder days = Int64s.newBuilder();
        for (int day = 0; day < 512; day++) {
            days.addValues(day * PartitionTemplate.DAY_NS);
        }
        Column.Builder time = Column.newBuilder().setName("time").setKind(Column.Kind.TIME);
        TableBatch.Builder small = TableBatch.newBuilder()
                .setTable("small")
                .setRowCount(1)
                .addColumns(time.clone().setI64(Int64s.newBuilder().addValues(1)));
        TableBatch.Builder large = TableBatch.newBuilder()
                .setTable("large")
                .setRowCount(512)
                .addColumns(time.clone().setI64(days));
        for (int column = 1; column < 512; column++) {
            large.addColumns(Column.newBuilder()
                    .setName("b" + column)
                    .setKind(Column.Kind.FIELD)
                    .setBools(ByteString.copyFrom(new byte[64])));
        }
        byte[] request = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(small)
                .addTables(large)
                .build()
                .toByteArray();
        assertThat(outcome(write(request), WriteOutcome.Invalid.class).message())
                .contains("'large'", "512 partitions", "512 columns", "at most 262143");
        assertThat(allocator.getAllocatedMemory()).isZero();
    }

    @Test
    void aRefusalOfTheLogKeepsItsReasonHoweverItIsWrapped() {
        WriteRefusedException cause = new WriteRefusedException(Reason.WAL_FULL, "no room for a segment");
        for (Throwable failure : List.of(cause, new CompletionException(cause))) {
            CompletableFuture<WriteOutcome> write = write(request(1));
            sink.fail(failure);
            WriteOutcome.Refused refused = outcome(write, WriteOutcome.Refused.class);
            assertThat(refused.reason()).isEqualTo(Reason.WAL_FULL);
            assertThat(refused.message()).isEqualTo("no room for a segment");
            assertThat(refused.retryAfter()).isPositive();
        }
    }

    @Test
    @DisplayName("Invariant 1: what may or may not be in the log is never called refused")
    void whatMayBeInTheLogIsUnknown() {
        CompletableFuture<WriteOutcome> failed = write(request(1));
        sink.fail(new OutcomeUnknownException("the log failed", new IOException("disk")));
        assertThat(outcome(failed, WriteOutcome.Unknown.class).message()).isEqualTo("the log failed");
        CompletableFuture<WriteOutcome> unexpected = write(request(2));
        sink.fail(new IllegalStateException("a bug"));
        assertThat(outcome(unexpected, WriteOutcome.Unknown.class).message()).contains("a bug");
    }

    @Test
    @DisplayName("Invariant 7: a bug met by one write ends that write, and its permit comes back")
    void aBugIsAnOutcomeAndGivesThePermitBack() {
        sink.isBroken = true;
        for (int i = 0; i < 2 * MAX_WRITES; i++) {
            assertThat(outcome(write(request(1)), WriteOutcome.Unknown.class).message())
                    .contains("a bug in the sink");
        }
        sink.isBroken = false;
        pipeline.orElseThrow().catalog().set(Mode.THROWS);
        for (int i = 0; i < 2 * MAX_WRITES; i++) {
            byte[] request = GeneratedTable.request("n", GeneratedTable.of(new Random(1), "other", 5));
            assertThat(outcome(write(request), WriteOutcome.Unknown.class).message())
                    .contains("a bug in the catalog");
        }
        assertThat(allocator.getAllocatedMemory()).isZero();
    }

    /// An error of the virtual machine is not an outcome; but the permit comes back here as well.
    @Test
    void anErrorGivesThePermitBack() {
        WritePath broken = path(pipeline.orElseThrow(), Duration.ZERO, operation -> {
            operation.close();
            throw new StackOverflowError("deep");
        });
        assertThatThrownBy(() -> broken.write(request(1), CatalogAccess.FREE)).isInstanceOf(StackOverflowError.class);
    }

    /// A stop sets its state, waits for the permits it sees, and closes what the writes need. So a write that comes at
    /// the same moment is refused or was waited for, never late.
    @Test
    @DisplayName("Invariant 9: no write reaches the sink after a stop saw none in flight")
    void noWriteComesAfterAStopSawNoneInFlight() throws Exception {
        AtomicInteger late = new AtomicInteger();
        AtomicInteger taken = new AtomicInteger();
        AtomicInteger stopped = new AtomicInteger();
        WritePath immediate = path(pipeline.orElseThrow(), Duration.ZERO, operation -> {
            operation.close();
            taken.incrementAndGet();
            late.addAndGet(stopped.get());
            return CompletableFuture.completedStage(new SequenceNumber(1));
        });
        byte[] request = request(1);
        var _ = immediate.write(request, CatalogAccess.FREE);
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            for (int round = 0; round < 300; round++) {
                CyclicBarrier together = new CyclicBarrier(2);
                Future<WriteOutcome> writer = threads.submit(() -> {
                    together.await(1, TimeUnit.MINUTES);
                    return immediate
                            .write(request, CatalogAccess.FREE)
                            .toCompletableFuture()
                            .join();
                });
                together.await(1, TimeUnit.MINUTES);
                state.set(Reason.GRACEFUL_STOP);
                assertThat(inFlight.awaitNone(Duration.ofMinutes(1))).isTrue();
                stopped.set(1);
                WriteOutcome outcome = writer.get(1, TimeUnit.MINUTES);
                assertThat(outcome).isInstanceOfAny(WriteOutcome.Written.class, WriteOutcome.Refused.class);
                stopped.set(0);
                state.clear(Reason.GRACEFUL_STOP);
            }
        }
        assertThat(late).hasValue(0);
        assertThat(taken).hasPositiveValue();
    }

    /// A way to the catalog that is open or shut, and counts.
    private static final class Way implements CatalogAccess {
        private final boolean isOpen;
        private int entered;
        private boolean isInside;

        Way(boolean isOpen) {
            this.isOpen = isOpen;
        }

        @Override
        public Optional<WriteOutcome.Refused> enter() {
            entered++;
            isInside = isOpen;
            return isOpen
                    ? Optional.empty()
                    : Optional.of(new WriteOutcome.Refused(
                            Reason.ADMISSION_LIMIT,
                            "too many",
                            Duration.ofSeconds(3),
                            Optional.of(new WriteOutcome.Quota("WRITE", "NEW", 1, 1))));
        }

        @Override
        public void leave() {
            isInside = false;
        }
    }

    @Test
    void aWriteThatNeedsTheCatalogAndMayNotAskItIsRefusedAndTheCatalogHearsNothing() {
        Pipeline opened = pipeline.orElseThrow();
        int before = opened.catalog().calls();
        Way shut = new Way(false);
        WriteOutcome.Refused refused =
                outcome(path.orElseThrow().write(request(1), shut).toCompletableFuture(), WriteOutcome.Refused.class);
        assertThat(refused.reason()).isEqualTo(Reason.ADMISSION_LIMIT);
        assertThat(refused.quota()).contains(new WriteOutcome.Quota("WRITE", "NEW", 1, 1));
        assertThat(refused.retryAfter()).isEqualTo(Duration.ofSeconds(3));
        assertThat(opened.catalog().calls()).isEqualTo(before);
        assertThat(sink.payloadBytes).isEmpty();
    }

    @Test
    void aWriteLeavesTheCatalogBeforeItsOutcomeIsKnownAndOneThatKnowsItAllNeverEnters() {
        Way way = new Way(true);
        CompletableFuture<WriteOutcome> first =
                path.orElseThrow().write(request(1), way).toCompletableFuture();
        assertThat(first).isNotCompleted();
        assertThat(way.entered).isPositive();
        assertThat(way.isInside).as("it waits for the log, not for the catalog").isFalse();
        Way again = new Way(false);
        CompletableFuture<WriteOutcome> second =
                path.orElseThrow().write(request(1), again).toCompletableFuture();
        assertThat(second).isNotCompleted();
        assertThat(again.entered).isZero();
        sink.succeed(1);
        sink.succeed(2);
        outcome(first, WriteOutcome.Written.class);
        outcome(second, WriteOutcome.Written.class);
    }

    @Test
    void howeverThePreparationEndsTheCatalogIsLeft() {
        Pipeline opened = pipeline.orElseThrow();
        for (Mode mode : List.of(Mode.FAILS, Mode.THROWS)) {
            opened.catalog().set(mode);
            Way way = new Way(true);
            assertThat(path.orElseThrow().write(request(1), way).toCompletableFuture())
                    .isCompleted();
            assertThat(way.entered).isEqualTo(1);
            assertThat(way.isInside).isFalse();
        }
        opened.catalog().set(Mode.ANSWERS);
    }
}
