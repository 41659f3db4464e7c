package io.sluice.ingester.grpc;

import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WritePermit;
import io.sluice.wal.AppendSession;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// Takes writes at once when a test says that they block nobody.
///
/// @param isQuick asked for each write that is tried
record SometimesQuickWrites(StreamedWriteHandler next, BooleanSupplier isQuick) implements StreamedWriteHandler {
    @Override
    public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
        return next.write(request, catalog);
    }

    @Override
    public Optional<WriteOutcome.Refused> crowded(long requestBytes) {
        return next.crowded(requestBytes);
    }

    @Override
    public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
        return next.enter(requestBytes, admitted);
    }

    @Override
    public void write(
            byte[] request,
            AppendSession session,
            CatalogAccess catalog,
            WritePermit permit,
            Consumer<WriteOutcome> told) {
        next.write(request, session, catalog, permit, told);
    }

    @Override
    public boolean tryWrite(byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
        if (!isQuick.getAsBoolean()) {
            return false;
        }
        next.write(request, session, CatalogAccess.FREE, permit, told);
        return true;
    }
}
