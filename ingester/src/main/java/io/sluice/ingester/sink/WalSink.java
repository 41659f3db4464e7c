package io.sluice.ingester.sink;

import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import io.sluice.wal.Wal;
import io.sluice.wal.WalRefusedException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes a write durable before anybody can see it. Writes go on to the next sink in log order, on one thread of this
/// sink's own, while the log syncs the next ones; then [StableWatermark] is published, and only then they are
/// acknowledged.
///
/// Any thread may call [#apply]. The queue between log and applying thread is bounded by the writes in flight, which
/// admission bounds.
public final class WalSink implements WriteSink {
    private static final Logger LOG = LoggerFactory.getLogger(WalSink.class);
    /// How many writes are applied before their acks go out.
    private static final int MAX_APPLY_BATCH = 1_024;

    private final Wal wal;
    private final WriteSink next;
    private final StableWatermark stable;
    private final BlockingQueue<Pending> durable = new LinkedBlockingQueue<>();
    private final Thread applier;
    private volatile boolean stopping;

    /// Starts nothing.
    public WalSink(Wal wal, WriteSink next, StableWatermark stable, ThreadFactory threads) {
        this.wal = wal;
        this.next = next;
        this.stable = stable;
        this.applier = threads.newThread(this::applyAll);
    }

    /// Starts the applying thread.
    public void start() {
        applier.start();
    }

    @Override
    public CompletionStage<SequenceNumber> apply(WriteOperation operation) {
        Pending pending = new Pending(operation);
        try {
            wal.append(operation.payload(), pending);
        } catch (WalRefusedException e) {
            operation.close();
            return CompletableFuture.failedStage(new WriteRefusedException(reason(e), String.valueOf(e.getMessage())));
        }
        return pending.outcome;
    }

    private static Reason reason(WalRefusedException refused) {
        return switch (refused.reason()) {
            case QUEUE_FULL -> Reason.ADMISSION_LIMIT;
            case NO_SPACE -> Reason.WAL_FULL;
            case CLOSED -> Reason.GRACEFUL_STOP;
            case FAILED -> Reason.WAL_FAILED;
        };
    }

    private void applyAll() {
        List<Pending> batch = new ArrayList<>(MAX_APPLY_BATCH);
        while (awaitDurable(batch)) {
            durable.drainTo(batch, MAX_APPLY_BATCH - 1);
            for (Pending pending : batch) {
                pending.applyTo(next);
            }
            // Published before any ack: who hears of a write finds it.
            stable.publish(batch.getLast().operation.sequence());
            batch.forEach(Pending::acknowledge);
            batch.clear();
        }
    }

    /// Waits for the next write; false if there will be none.
    private boolean awaitDurable(List<Pending> batch) {
        while (true) {
            try {
                Pending first = stopping ? durable.poll() : durable.take();
                return first != null && batch.add(first);
            } catch (InterruptedException e) {
                // stop() interrupts after it has set stopping; what is queued then is applied all the same.
                LOG.debug("applying thread interrupted, stopping: {}", stopping);
            }
        }
    }

    /// Ends the applying thread once all that the log made durable is applied. To be called after the log was closed.
    public void stop() throws InterruptedException {
        stopping = true;
        applier.interrupt();
        applier.join();
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
            durable.add(this);
        }

        @Override
        public void failed(IOException cause) {
            operation.close();
            outcome.completeExceptionally(new OutcomeUnknownException("the log failed: " + cause.getMessage(), cause));
        }

        void applyTo(WriteSink sink) {
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
