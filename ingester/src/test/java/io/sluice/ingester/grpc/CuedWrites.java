package io.sluice.ingester.grpc;

import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.WriteRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/// Notes the namespaces of what it is handed, and ends each write when the test says so. The n-th write that it was
/// handed gets the number 100 + n.
final class CuedWrites implements WriteHandler {
    private final List<String> names = new ArrayList<>();
    private final List<CompletableFuture<WriteOutcome>> outcomes = new ArrayList<>();

    @Override
    public synchronized CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
        try {
            names.add(WriteRequest.parseFrom(request).getNamespace());
        } catch (com.google.protobuf.InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
        CompletableFuture<WriteOutcome> outcome = new CompletableFuture<>();
        outcomes.add(outcome);
        notifyAll();
        return outcome;
    }

    synchronized List<String> names() {
        return List.copyOf(names);
    }

    /// Returns once so many were handed over.
    synchronized void await(int count) throws InterruptedException {
        while (outcomes.size() < count) {
            wait();
        }
    }

    private synchronized CompletableFuture<WriteOutcome> outcome(int number) {
        return outcomes.get(number - 1);
    }

    /// @param number counted from 1, as handed over
    void succeed(int number) {
        outcome(number).complete(new WriteOutcome.Written(new SequenceNumber(100 + number)));
    }

    void end(int number, WriteOutcome how) {
        outcome(number).complete(how);
    }
}
