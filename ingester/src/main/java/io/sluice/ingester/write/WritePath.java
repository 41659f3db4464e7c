package io.sluice.ingester.write;

import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.ingester.schema.SchemaLimitException;
import io.sluice.ingester.sink.OutcomeUnknownException;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteRefusedException;
import io.sluice.ingester.sink.WriteSink;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendSession;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.arrow.memory.OutOfMemoryException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a door hands a write to: asks whether writes are taken, prepares the write on the caller's thread, sends it
/// through the sinks, and says what became of it. Refusals come before any cost. A write that comes alone waits a
/// moment for room, and blocks its thread for so long; those of a stream wait as long as it takes, and block nothing.
public final class WritePath implements StreamedWriteHandler {
    private static final Logger LOG = LoggerFactory.getLogger(WritePath.class);

    private final IngestState state;
    private final InFlightWrites inFlight;
    private final Duration maxWait;
    private final Refusals refusals;
    private final WritePreparer preparer;
    private final WriteSink sink;

    /// @param maxWait how long a write that comes alone waits for room
    public WritePath(
            IngestState state,
            InFlightWrites inFlight,
            Duration maxWait,
            Refusals refusals,
            WritePreparer preparer,
            WriteSink sink) {
        this.state = state;
        this.inFlight = inFlight;
        this.maxWait = maxWait;
        this.refusals = refusals;
        this.preparer = preparer;
        this.sink = sink;
    }

    /// Takes nothing, as the server is starting.
    public static StreamedWriteHandler notReady(InFlightWrites inFlight, Refusals refusals) {
        return new NotReady(inFlight, refusals);
    }

    private record NotReady(InFlightWrites inFlight, Refusals refusals) implements StreamedWriteHandler {
        @Override
        public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
            return CompletableFuture.completedStage(refusals.of(Reason.NOT_READY));
        }

        @Override
        public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
            return inFlight.enter(requestBytes, admitted);
        }

        @Override
        public void write(
                byte[] request,
                AppendSession session,
                CatalogAccess catalog,
                WritePermit permit,
                Consumer<WriteOutcome> told) {
            try (permit) {
                told.accept(refusals.of(Reason.NOT_READY));
            }
        }
    }

    @Override
    public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
        Optional<Reason> refusal = state.refusal();
        if (refusal.isPresent()) {
            return CompletableFuture.completedStage(refusals.of(refusal.get()));
        }
        Optional<WritePermit> permit;
        try {
            permit = inFlight.awaitEnter(request.length, maxWait);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return CompletableFuture.completedStage(
                    refusals.of(Reason.GRACEFUL_STOP, "the server ended the call while it waited for room"));
        }
        if (permit.isEmpty()) {
            return CompletableFuture.completedStage(
                    refusals.of(Reason.INFLIGHT_BYTES, inFlight.describeLimit(), inFlight.quota()));
        }
        CompletableFuture<WriteOutcome> outcome = new CompletableFuture<>();
        write(request, new AppendSession(), catalog, permit.get(), outcome::complete);
        return outcome;
    }

    @Override
    public Optional<WriteOutcome.Refused> crowded(long requestBytes) {
        return inFlight.mayWait(requestBytes)
                ? Optional.empty()
                : Optional.of(refusals.of(Reason.INFLIGHT_BYTES, inFlight.describeLimit(), inFlight.quota()));
    }

    @Override
    public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
        return inFlight.enter(requestBytes, admitted);
    }

    @Override
    public void write(
            byte[] request,
            AppendSession session,
            CatalogAccess catalog,
            WritePermit permit,
            Consumer<WriteOutcome> told) {
        inFlight.lookIfDue();
        // With the permit in hand: a stop that began before waits for the permits it sees, and must not miss this one.
        Optional<Reason> refusal = state.refusal();
        if (refusal.isPresent()) {
            try (permit) {
                told.accept(refusals.of(refusal.get()));
            }
            return;
        }
        hand(() -> prepareAndApply(request, session, catalog), permit, told);
    }

    @Override
    public boolean tryWrite(byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
        if (inFlight.isLookDue() || state.refusal().isPresent()) {
            return false;
        }
        Optional<WriteOperation> operation;
        try {
            operation = preparer.tryPrepare(request);
        } catch (SchemaConflictException e) {
            return false; // told in one place
        }
        operation.ifPresent(prepared -> hand(() -> apply(prepared, session), permit, told));
        return operation.isPresent();
    }

    private static void hand(
            Supplier<CompletionStage<WriteOutcome>> write, WritePermit permit, Consumer<WriteOutcome> told) {
        CompletionStage<WriteOutcome> outcome;
        try {
            outcome = write.get();
        } catch (RuntimeException e) {
            // A bug. Whether the log has the write depends on where it lies.
            LOG.error("a write ended in an unexpected way", e);
            outcome = CompletableFuture.completedStage(new WriteOutcome.Unknown("unexpected: " + e));
        } catch (Error e) {
            permit.close();
            throw e;
        }
        var _ = outcome.thenAccept(known -> {
            try (permit) {
                told.accept(known);
            }
        });
    }

    private CompletionStage<WriteOutcome> prepareAndApply(
            byte[] request, AppendSession session, CatalogAccess catalog) {
        WriteOperation operation;
        try {
            operation = preparer.prepare(request, catalog);
        } catch (InvalidWriteException e) {
            return CompletableFuture.completedStage(new WriteOutcome.Invalid(String.valueOf(e.getMessage())));
        } catch (SchemaLimitException e) {
            return CompletableFuture.completedStage(
                    new WriteOutcome.LimitReached(e.limit(), String.valueOf(e.getMessage())));
        } catch (SchemaConflictException e) {
            return CompletableFuture.completedStage(new WriteOutcome.Conflict(String.valueOf(e.getMessage())));
        } catch (WriteRefusedException e) {
            return CompletableFuture.completedStage(refused(e));
        } catch (OutOfMemoryException e) {
            return CompletableFuture.completedStage(
                    refusals.of(Reason.MEMORY_LIMIT, "no memory for the rows of the write: " + e.getMessage()));
        } catch (IOException e) {
            LOG.warn("the catalog does not answer", e);
            return CompletableFuture.completedStage(
                    refusals.of(Reason.CATALOG_UNAVAILABLE, "the catalog does not answer: " + e.getMessage()));
        } finally {
            catalog.leave(); // what comes now needs no catalog
        }
        return apply(operation, session);
    }

    private CompletionStage<WriteOutcome> apply(WriteOperation operation, AppendSession session) {
        operation.join(session);
        return sink.apply(operation).handle(this::outcome);
    }

    private WriteOutcome outcome(SequenceNumber sequence, @Nullable Throwable failure) {
        if (failure == null) {
            return new WriteOutcome.Written(sequence);
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return switch (cause) {
            case WriteRefusedException refused -> refused(refused);
            case OutcomeUnknownException unknown -> new WriteOutcome.Unknown(String.valueOf(unknown.getMessage()));
            default -> {
                LOG.error("a write ended in an unexpected way", cause);
                yield new WriteOutcome.Unknown("unexpected: " + cause);
            }
        };
    }

    private WriteOutcome refused(WriteRefusedException refused) {
        return refused.refusal().orElseGet(() -> refusals.of(refused.reason(), String.valueOf(refused.getMessage())));
    }
}
