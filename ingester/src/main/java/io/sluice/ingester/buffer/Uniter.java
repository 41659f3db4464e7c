package io.sluice.ingester.buffer;

import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

/// Puts small chunks together that queries meet often, behind those, so that none waits for it. One partition at a
/// time, as it takes memory; one that is met meanwhile has its turn with a later query. Any thread may call any method.
final class Uniter implements AutoCloseable {
    private final Executor executor;
    /// Held by who is at it, or is about to be, and for ever by the end.
    private final Semaphore turn = new Semaphore(1);

    private final AtomicBoolean closed = new AtomicBoolean();

    Uniter(Executor executor) {
        this.executor = executor;
    }

    /// To be called when a query comes to a partition.
    ///
    /// @param times of the rows that it asks for
    /// @param met what it met there
    void visit(PartitionBuffer partition, TimeRange times, List<RowBatch> met) {
        if (!closed.get() && partition.meetSmallChunks(times, met) && turn.tryAcquire()) {
            boolean begun = false;
            try {
                executor.execute(() -> unite(partition, times));
                begun = true;
            } finally {
                if (!begun) {
                    turn.release();
                }
            }
        }
    }

    private void unite(PartitionBuffer partition, TimeRange times) {
        try {
            boolean mayBeMore = true;
            while (mayBeMore && !closed.get()) {
                mayBeMore = partition.tryUnite(times);
            }
        } finally {
            turn.release();
        }
    }

    /// Waits for who is at it, for some milliseconds; nothing is put together afterwards.
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            turn.acquireUninterruptibly();
        }
    }
}
