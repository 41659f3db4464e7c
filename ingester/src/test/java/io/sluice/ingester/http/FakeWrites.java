package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// Keeps what it gets, and answers as it is told: each answer once, then "written".
final class FakeWrites implements WriteHandler {
    static final WriteOutcome WRITTEN = new WriteOutcome.Written(new SequenceNumber(7));

    private final BlockingQueue<WriteRequest> received = new LinkedBlockingQueue<>();
    private final BlockingQueue<CompletionStage<WriteOutcome>> answers = new LinkedBlockingQueue<>();

    private volatile CompletionStage<?> catalog = CompletableFuture.completedFuture(WRITTEN);

    private final Queue<CompletableFuture<WriteOutcome>> held = new ConcurrentLinkedQueue<>();

    void answer(WriteOutcome outcome) {
        answers.add(CompletableFuture.completedFuture(outcome));
    }

    /// The next write's outcome is known when the test says so.
    CompletableFuture<WriteOutcome> holdNext() {
        CompletableFuture<WriteOutcome> outcome = new CompletableFuture<>();
        answers.add(outcome);
        held.add(outcome);
        return outcome;
    }

    /// From now on, each write asks the catalog, which answers it when the test says so.
    void askCatalog(CompletionStage<?> answered) {
        catalog = answered;
    }

    /// From now on, no write asks the catalog.
    void askNobody() {
        catalog = CompletableFuture.completedFuture(WRITTEN);
    }

    /// Whatever a test that failed has left waiting ends.
    void release() {
        held.forEach(outcome -> outcome.complete(WRITTEN));
    }

    @Override
    public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess access) {
        CompletionStage<WriteOutcome> answer = answers.poll();
        CompletableFuture<?> asked = catalog.toCompletableFuture(); // before the test sees the write, and goes on
        try {
            received.add(WriteRequest.parseFrom(request));
        } catch (com.google.protobuf.InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
        if (!asked.isDone()) {
            assertThat(access.enter()).isEmpty();
            asked.join();
            access.leave();
        }
        return answer == null ? CompletableFuture.completedFuture(WRITTEN) : answer;
    }

    /// The oldest write that was not taken yet; waits for it.
    WriteRequest take() throws InterruptedException {
        return received.take();
    }

    /// The same; empty if none comes for so long.
    Optional<WriteRequest> take(Duration atMost) throws InterruptedException {
        return Optional.ofNullable(received.poll(atMost.toNanos(), TimeUnit.NANOSECONDS));
    }

    boolean hasNone() {
        return received.isEmpty();
    }

    /// The timestamps of a write's rows, table by table.
    static List<Long> timestamps(WriteRequest request) {
        List<Long> timestamps = new ArrayList<>();
        for (TableBatch table : request.getTablesList()) {
            for (Column column : table.getColumnsList()) {
                if (column.getKind() == Column.Kind.TIME) {
                    timestamps.addAll(column.getI64().getValuesList());
                }
            }
        }
        return timestamps;
    }

    static long rows(WriteRequest request) {
        return request.getTablesList().stream()
                .mapToLong(TableBatch::getRowCount)
                .sum();
    }
}
