package io.sluice.ingester.sink;

import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import io.sluice.wal.Wal;
import io.sluice.wal.WalRefusedException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes a write durable before anybody can see it. The log hands back what is durable in log order, a group at a time
/// and on one of its own threads, while it writes the next group: each write of the group goes on to the next sink,
/// then [StableWatermark] is published, and only then they are acknowledged.
///
/// Any thread may call [#apply]. What waits is bounded by the writes in flight, which admission bounds.
public final class WalSink implements WriteSink {
    private static final Logger LOG = LoggerFactory.getLogger(WalSink.class);

    private final Wal wal;
    private final WriteSink next;
    private final StableWatermark stable;
    /// Durable, and not acknowledged yet; used by the log's threads, one after the other.
    private final List<Pending> group = new ArrayList<>();

    public WalSink(Wal wal, WriteSink next, StableWatermark stable) {
        this.wal = wal;
        this.next = next;
        this.stable = stable;
    }

    @Override
    public CompletionStage<SequenceNumber> apply(WriteOperation operation) {
        Pending pending = new Pending(operation);
        try {
            wal.append(operation.payload(), operation.session(), pending);
        } catch (WalRefusedException e) {
            operation.close();
            return CompletableFuture.failedStage(new WriteRefusedException(reason(e), String.valueOf(e.getMessage())));
        }
        return pending.outcome;
    }

    private static Reason reason(WalRefusedException refused) {
        return switch (refused.reason()) {
            case QUEUE_FULL -> Reason.ADMISSION_LIMIT;
            case NO_SPACE, FULL -> Reason.WAL_FULL;
            case CLOSED -> Reason.GRACEFUL_STOP;
            case FAILED -> Reason.WAL_FAILED;
        };
    }

    /// All writes up to a number are durable and went to the next sink. Called by the log's owner for
    /// [io.sluice.wal.WalListener#completed].
    public void completed(SequenceNumber through) {
        // Published before any ack: who hears of a write finds it.
        stable.publish(through);
        group.forEach(Pending::acknowledge);
        group.clear();
    }

    /// A write on its way through the log.
    private final class Pending implements AppendListener {
        private final WriteOperation operation;
        private final CompletableFuture<SequenceNumber> outcome = new CompletableFuture<>();
        private boolean applied;

        Pending(WriteOperation operation) {
            this.operation = operation;
        }

        @Override
        public void durable(SequenceNumber sequence) {
            operation.assign(sequence);
            applyTo(next);
            group.add(this);
        }

        @Override
        public void refused(WalRefusedException refusal) {
            operation.close();
            outcome.completeExceptionally(
                    new WriteRefusedException(reason(refusal), String.valueOf(refusal.getMessage())));
        }

        @Override
        public void failed(IOException cause) {
            operation.close();
            outcome.completeExceptionally(new OutcomeUnknownException("the log failed: " + cause.getMessage(), cause));
        }

        private void applyTo(WriteSink sink) {
            try {
                sink.apply(operation);
                applied = true;
            } catch (RuntimeException e) {
                // Validation is complete before the log, so this is a bug. The write is in the log, and replay will
                // quarantine it; the writes behind it must not wait.
                LOG.error("write {} is durable and could not be applied", operation.sequence(), e);
                outcome.completeExceptionally(new OutcomeUnknownException(
                        "write %s could not be applied".formatted(operation.sequence()), e));
            }
        }

        void acknowledge() {
            if (applied) {
                outcome.complete(operation.sequence());
            }
        }
    }
}
