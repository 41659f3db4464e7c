package io.sluice.benches;

import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WritePermit;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendSession;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/// Says of every write that it is written, and does nothing: what is left is what gRPC and the doors cost.
final class EmptyWrites implements StreamedWriteHandler {
    private static final Waiting NOT_WAITING = () -> false;

    private final AtomicLong sequence = new AtomicLong();

    private WriteOutcome written() {
        return new WriteOutcome.Written(new SequenceNumber(sequence.incrementAndGet()));
    }

    @Override
    public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
        return CompletableFuture.completedStage(written());
    }

    @Override
    public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
        admitted.accept(() -> {});
        return NOT_WAITING;
    }

    @Override
    public void write(
            byte[] request,
            AppendSession session,
            CatalogAccess catalog,
            WritePermit permit,
            Consumer<WriteOutcome> told) {
        try (permit) {
            told.accept(written());
        }
    }

    @Override
    public boolean tryWrite(byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
        write(request, session, CatalogAccess.FREE, permit, told);
        return true;
    }
}
