package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells listeners what became of their entries, in log order: on a thread of its own, so that the log's thread writes
/// the next group meanwhile; or, if there are few and none wait, at once on the log's thread, which spares a lone
/// writer a change of threads.
///
/// The queue is bounded by the entries that the log takes.
final class Completions {
    private static final Logger LOG = LoggerFactory.getLogger(Completions.class);
    /// Entries that are completed on the log's thread.
    private static final int MAX_AT_ONCE = 4;

    private final WalListener owner;
    private final LongSupplier nanoTime;
    private final WalMetrics metrics;
    private final Consumer<List<Append>> onDone;
    private final BlockingQueue<Group> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger pending = new AtomicInteger();
    private final Runnable onIdle;
    private final Thread thread;

    /// Entries that share an outcome.
    private sealed interface Group {
        List<Append> appends();

        record Durable(List<Append> appends, long firstSequence) implements Group {}

        record Failed(List<Append> appends, IOException cause) implements Group {}

        record Refused(List<Append> appends, WalRefusedException refusal) implements Group {}

        /// Nothing comes behind it.
        record End(List<Append> appends) implements Group {}
    }

    /// Starts nothing.
    ///
    /// @param onDone hears of entries that are about to be told: they wait no more
    /// @param onIdle hears, on the thread, that all that was handed over is told
    Completions(
            WalListener owner,
            LongSupplier nanoTime,
            WalMetrics metrics,
            Consumer<List<Append>> onDone,
            Runnable onIdle,
            ThreadFactory threads) {
        this.owner = owner;
        this.nanoTime = nanoTime;
        this.metrics = metrics;
        this.onDone = onDone;
        this.onIdle = onIdle;
        this.thread = threads.newThread(this::run);
    }

    void start() {
        thread.start();
    }

    /// Whether something handed over is not told yet.
    boolean isBusy() {
        return pending.get() > 0;
    }

    boolean isCalledByItself() {
        return thread.equals(Thread.currentThread());
    }

    /// The entries are on disk. Called by the log's thread, as are the others.
    void durable(List<Append> appends, long firstSequence) {
        hand(new Group.Durable(appends, firstSequence));
    }

    void failed(List<Append> appends, IOException cause) {
        hand(new Group.Failed(appends, cause));
    }

    void refused(List<Append> appends, WalRefusedException refusal) {
        hand(new Group.Refused(appends, refusal));
    }

    private void hand(Group group) {
        // Only the log's thread adds: if nothing is pending, nothing can come before this group.
        if (group.appends().size() <= MAX_AT_ONCE && pending.get() == 0) {
            tell(group);
        } else {
            pending.incrementAndGet();
            queue.add(group);
        }
    }

    /// Tells what is queued, and ends the thread.
    void close() {
        queue.add(new Group.End(List.of()));
        Threads.join(thread);
    }

    private void run() {
        boolean more = true;
        while (more) {
            try {
                Group group = queue.take();
                if (group instanceof Group.End) {
                    more = false;
                } else {
                    tell(group);
                    if (pending.decrementAndGet() == 0) {
                        onIdle.run();
                    }
                }
            } catch (InterruptedException e) {
                LOG.debug("interrupted; what is queued is told all the same", e);
            }
        }
    }

    private void tell(Group group) {
        switch (group) {
            case Group.Durable(List<Append> appends, long firstSequence) -> tellDurable(appends, firstSequence);
            case Group.Failed(List<Append> appends, IOException cause) ->
                tellEach(appends, listener -> listener.failed(cause));
            case Group.Refused(List<Append> appends, WalRefusedException refusal) ->
                tellEach(appends, listener -> listener.refused(refusal));
            case Group.End _ -> {}
        }
    }

    private void tellDurable(List<Append> appends, long firstSequence) {
        onDone.accept(appends);
        long nowNs = nanoTime.getAsLong();
        long sequence = firstSequence;
        for (Append append : appends) {
            metrics.append.record(nowNs - append.queuedAtNs(), TimeUnit.NANOSECONDS);
            try {
                append.listener().durable(new SequenceNumber(sequence));
            } catch (RuntimeException e) {
                LOG.error("entry {} is durable, and its listener threw; the log goes on", sequence, e);
            }
            sequence++;
        }
        try {
            owner.completed(new SequenceNumber(sequence - 1));
        } catch (RuntimeException e) {
            LOG.error("entries up to {} are durable, and the log's owner threw; the log goes on", sequence - 1, e);
        }
    }

    private void tellEach(List<Append> appends, Consumer<AppendListener> news) {
        onDone.accept(appends);
        for (Append append : appends) {
            try {
                news.accept(append.listener());
            } catch (RuntimeException e) {
                LOG.error("the listener of an entry that was not taken threw", e);
            }
        }
    }
}
