package io.sluice.ingester.write;

import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.RetryDelays;
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
    private final RetryDelays delays;
    private final WritePreparer preparer;
    private final WriteSink sink;

    /// @param maxWait how long a write that comes alone waits for room
    public WritePath(
            IngestState state,
            InFlightWrites inFlight,
            Duration maxWait,
            RetryDelays delays,
            WritePreparer preparer,
            WriteSink sink) {
        this.state = state;
        this.inFlight = inFlight;
        this.maxWait = maxWait;
        this.delays = delays;
        this.preparer = preparer;
        this.sink = sink;
    }

    /// Takes nothing, as the server is starting.
    public static StreamedWriteHandler notReady(InFlightWrites inFlight) {
        return new NotReady(inFlight);
    }

    private record NotReady(InFlightWrites inFlight) implements StreamedWriteHandler {
        @Override
        public CompletionStage<WriteOutcome> write(byte[] request) {
            return CompletableFuture.completedStage(refuse(Reason.NOT_READY, describe(Reason.NOT_READY)));
        }

        @Override
        public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
            return inFlight.enter(requestBytes, admitted);
        }

        @Override
        public void write(byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
            try (permit) {
                told.accept(refuse(Reason.NOT_READY, describe(Reason.NOT_READY)));
            }
        }
    }

    @Override
    public CompletionStage<WriteOutcome> write(byte[] request) {
        Optional<Reason> refusal = state.refusal();
        if (refusal.isPresent()) {
            return CompletableFuture.completedStage(refuse(refusal.get(), describe(refusal.get())));
        }
        Optional<WritePermit> permit;
        try {
            permit = inFlight.awaitEnter(request.length, maxWait);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return CompletableFuture.completedStage(
                    refuse(Reason.GRACEFUL_STOP, "the server ended the call while it waited for room"));
        }
        if (permit.isEmpty()) {
            return CompletableFuture.completedStage(
                    new WriteOutcome.Refused(Reason.INFLIGHT_BYTES, inFlight.describeLimit(), delays.soon()));
        }
        CompletableFuture<WriteOutcome> outcome = new CompletableFuture<>();
        write(request, new AppendSession(), permit.get(), outcome::complete);
        return outcome;
    }

    @Override
    public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
        return inFlight.enter(requestBytes, admitted);
    }

    @Override
    public void write(byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
        // With the permit in hand: a stop that began before waits for the permits it sees, and must not miss this one.
        Optional<Reason> refusal = state.refusal();
        if (refusal.isPresent()) {
            try (permit) {
                told.accept(refuse(refusal.get(), describe(refusal.get())));
            }
            return;
        }
        CompletionStage<WriteOutcome> outcome;
        try {
            outcome = submit(request, session);
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

    private CompletionStage<WriteOutcome> submit(byte[] request, AppendSession session) {
        WriteOperation operation;
        try {
            operation = preparer.prepare(request);
        } catch (InvalidWriteException e) {
            return CompletableFuture.completedStage(new WriteOutcome.Invalid(String.valueOf(e.getMessage())));
        } catch (SchemaLimitException e) {
            return CompletableFuture.completedStage(
                    new WriteOutcome.LimitReached(e.limit(), String.valueOf(e.getMessage())));
        } catch (SchemaConflictException e) {
            return CompletableFuture.completedStage(new WriteOutcome.Conflict(String.valueOf(e.getMessage())));
        } catch (WriteRefusedException e) {
            return CompletableFuture.completedStage(refuse(e.reason(), String.valueOf(e.getMessage())));
        } catch (OutOfMemoryException e) {
            return CompletableFuture.completedStage(
                    refuse(Reason.MEMORY_LIMIT, "no memory for the rows of the write: " + e.getMessage()));
        } catch (IOException e) {
            LOG.warn("the catalog does not answer", e);
            return CompletableFuture.completedStage(
                    refuse(Reason.CATALOG_UNAVAILABLE, "the catalog does not answer: " + e.getMessage()));
        }
        operation.join(session);
        return sink.apply(operation).handle(WritePath::outcome);
    }

    private static WriteOutcome outcome(SequenceNumber sequence, @Nullable Throwable failure) {
        if (failure == null) {
            return new WriteOutcome.Written(sequence);
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return switch (cause) {
            case WriteRefusedException refused -> refuse(refused.reason(), String.valueOf(refused.getMessage()));
            case OutcomeUnknownException unknown -> new WriteOutcome.Unknown(String.valueOf(unknown.getMessage()));
            default -> {
                LOG.error("a write ended in an unexpected way", cause);
                yield new WriteOutcome.Unknown("unexpected: " + cause);
            }
        };
    }

    private static WriteOutcome refuse(Reason reason, String message) {
        return new WriteOutcome.Refused(reason, message, retryAfter(reason));
    }

    /// How long such a state usually lasts.
    private static Duration retryAfter(Reason reason) {
        return switch (reason) {
            case NOT_READY, GRACEFUL_STOP, WAL_FAILED, FENCED, PERSIST_SATURATED, DISK_FULL, WAL_FULL ->
                Duration.ofSeconds(5);
            case CATALOG_UNAVAILABLE, MEMORY_LIMIT, PARTITION_LIMIT -> Duration.ofSeconds(2);
            case ADMISSION_LIMIT, INFLIGHT_BYTES -> Duration.ofSeconds(1);
        };
    }

    private static String describe(Reason reason) {
        return switch (reason) {
            case NOT_READY -> "the server is starting: the log is being replayed";
            case GRACEFUL_STOP -> "the server is stopping";
            case WAL_FAILED -> "the log failed, and the server is about to end";
            case FENCED -> "another process runs under this one's id, and the server is about to end";
            case PERSIST_SATURATED -> "the persist queue is full (--persist-queue-depth)";
            case DISK_FULL -> "a disk is nearly full (--disk-high): rows of the log are persisted";
            case WAL_FULL -> "the log has no room for another segment";
            case ADMISSION_LIMIT -> "too many writes at once";
            case INFLIGHT_BYTES -> "the writes in flight fill their budget (--inflight-bytes, --inflight-ops)";
            case MEMORY_LIMIT -> "memory is full (--memory, --buffer-bytes): rows wait to be persisted";
            case PARTITION_LIMIT -> "a namespace has rows of as many partitions as it may (--max-partitions)";
            case CATALOG_UNAVAILABLE -> "the catalog does not answer";
        };
    }
}
