package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells listeners what became of their entries, in log order: on the log's thread if they are few or as long as that
/// has nothing else to do, which spares a change of threads; and the rest on a thread of its own, while the log's
/// writes
/// the next group.
///
/// The queue is bounded by the entries that the log takes.
final class Completions {
    private static final Logger LOG = LoggerFactory.getLogger(Completions.class);
    /// So few are told on the log's thread whatever waits there: to wake another thread takes longer.
    private static final int FEW = 8;

    private final WalListener owner;
    private final LongSupplier nanoTime;
    private final WalMetrics metrics;
    private final Consumer<List<Append>> onDone;
    private final BlockingQueue<Group> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger pending = new AtomicInteger();
    private final BooleanSupplier isNextGroupThere;
    private final Thread thread;

    /// Entries that share an outcome.
    private sealed interface Group {
        record Durable(List<Append> appends, long firstSequence) implements Group {}

        /// What the log's thread began to tell.
        record Rest(List<Append> appends, long firstSequence) implements Group {}

        record Failed(List<Append> appends, IOException cause) implements Group {}

        record Refused(List<Append> appends, WalRefusedException refusal) implements Group {}

        /// Nothing comes behind it.
        record End() implements Group {}
    }

    /// Starts nothing.
    ///
    /// @param onDone hears of entries that are about to be told: they wait no more
    /// @param isNextGroupThere tells the log's thread to go and write; asked by that thread only
    Completions(
            WalListener owner,
            LongSupplier nanoTime,
            WalMetrics metrics,
            Consumer<List<Append>> onDone,
            BooleanSupplier isNextGroupThere,
            ThreadFactory threads) {
        this.owner = owner;
        this.nanoTime = nanoTime;
        this.metrics = metrics;
        this.onDone = onDone;
        this.isNextGroupThere = isNextGroupThere;
        this.thread = threads.newThread(this::run);
    }

    void start() {
        thread.start();
    }

    boolean isCalledByItself() {
        return thread.equals(Thread.currentThread());
    }

    /// The entries are on disk. Called by the log's thread, as are the others.
    void durable(List<Append> appends, long firstSequence) {
        // Only this thread adds: if nothing is pending, nothing can come before these.
        if (pending.get() > 0) {
            add(new Group.Durable(appends, firstSequence));
            return;
        }
        onDone.accept(appends);
        int told = tellDurable(appends, firstSequence, appends.size() <= FEW ? () -> false : isNextGroupThere);
        if (told < appends.size()) {
            add(new Group.Rest(appends.subList(told, appends.size()), firstSequence + told));
        }
    }

    void failed(List<Append> appends, IOException cause) {
        hand(appends.size(), new Group.Failed(appends, cause));
    }

    void refused(List<Append> appends, WalRefusedException refusal) {
        hand(appends.size(), new Group.Refused(appends, refusal));
    }

    private void hand(int entries, Group group) {
        if (entries <= FEW && pending.get() == 0) {
            tell(group);
        } else {
            add(group);
        }
    }

    private void add(Group group) {
        pending.incrementAndGet();
        queue.add(group);
    }

    /// Tells what is queued, and ends the thread.
    void close() {
        queue.add(new Group.End());
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
                    pending.decrementAndGet();
                }
            } catch (InterruptedException e) {
                LOG.debug("interrupted; what is queued is told all the same", e);
            }
        }
    }

    private void tell(Group group) {
        switch (group) {
            case Group.Durable(List<Append> appends, long firstSequence) -> {
                onDone.accept(appends);
                int _ = tellDurable(appends, firstSequence, () -> false);
            }
            case Group.Rest(List<Append> appends, long firstSequence) -> {
                int _ = tellDurable(appends, firstSequence, () -> false);
            }
            case Group.Failed(List<Append> appends, IOException cause) ->
                tellEach(appends, listener -> listener.failed(cause));
            case Group.Refused(List<Append> appends, WalRefusedException refusal) ->
                tellEach(appends, listener -> listener.refused(refusal));
            case Group.End _ -> {}
        }
    }

    /// @param enough asked before each entry
    /// @return how many entries were told
    private int tellDurable(List<Append> appends, long firstSequence, BooleanSupplier enough) {
        long nowNs = nanoTime.getAsLong();
        int told = 0;
        for (Append append : appends) {
            if (enough.getAsBoolean()) {
                break;
            }
            long sequence = firstSequence + told;
            metrics.append.record(nowNs - append.queuedAtNs(), TimeUnit.NANOSECONDS);
            try {
                append.listener().durable(new SequenceNumber(sequence));
            } catch (RuntimeException e) {
                LOG.error("entry {} is durable, and its listener threw; the log goes on", sequence, e);
            }
            told++;
        }
        if (told > 0) {
            completed(firstSequence + told - 1);
        }
        return told;
    }

    private void completed(long sequence) {
        try {
            owner.completed(new SequenceNumber(sequence));
        } catch (RuntimeException e) {
            LOG.error("entries up to {} are durable, and the log's owner threw; the log goes on", sequence, e);
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
