package io.sluice.benches;

import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// Live ingest at its fastest: as many threads as processors hand writes to the write path, in this process and without
/// a door, each with many in flight; when memory is full, they wait for persist.
final class LiveWrites {
    private static final int IN_FLIGHT = 64;

    private final WriteHandler path;
    private final Room room;
    private final LongAdder acknowledged = new LongAdder();
    private final CountDownLatch failed = new CountDownLatch(1);
    private volatile boolean over;
    private volatile Optional<IOException> failure = Optional.empty();

    /// Where writes wait for memory.
    @FunctionalInterface
    interface Room {
        void await() throws InterruptedException;
    }

    LiveWrites(WriteHandler path, Room room) {
        this.path = path;
        this.room = room;
    }

    /// Writes payloads, again and again, and returns how many writes a second were acknowledged. Once; nothing is in
    /// flight afterwards.
    ///
    /// @param start runs up first, uncounted
    double perSecond(List<byte[]> payloads, Duration start, Duration window) throws IOException, InterruptedException {
        int producers = Runtime.getRuntime().availableProcessors();
        try (ExecutorService threads = Executors.newFixedThreadPool(
                producers, Thread.ofPlatform().name("producer-", 0).factory())) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < producers; i++) {
                int first = i * payloads.size() / producers;
                running.add(threads.submit(() -> produce(payloads, first)));
            }
            boolean _ = failed.await(start.toNanos(), TimeUnit.NANOSECONDS);
            long startNanos = System.nanoTime();
            long before = acknowledged.sum();
            boolean _ = failed.await(window.toNanos(), TimeUnit.NANOSECONDS);
            long count = acknowledged.sum() - before;
            double seconds = (System.nanoTime() - startNanos) / 1e9;
            over = true;
            for (Future<?> producer : running) {
                producer.get();
            }
            if (failure.isPresent()) {
                throw failure.get();
            }
            return count / seconds;
        } catch (ExecutionException e) {
            throw new IOException("a producer failed", e.getCause());
        } finally {
            over = true;
        }
    }

    @SuppressWarnings("NullAway") // a Callable<Void> has nothing else to return
    private Void produce(List<byte[]> payloads, int first) throws InterruptedException {
        Semaphore permits = new Semaphore(IN_FLIGHT);
        for (int i = first; !over && failure.isEmpty(); i = (i + 1) % payloads.size()) {
            room.await();
            permits.acquire();
            path.write(payloads.get(i), CatalogAccess.FREE).whenComplete((outcome, thrown) -> {
                heard(outcome, thrown);
                permits.release();
            });
        }
        permits.acquire(IN_FLIGHT);
        return null;
    }

    private void heard(WriteOutcome outcome, @Nullable Throwable thrown) {
        if (thrown == null && outcome instanceof WriteOutcome.Written) {
            acknowledged.increment();
        } else {
            failure = Optional.of(new IOException("a write was not acknowledged: " + outcome, thrown));
            failed.countDown();
        }
    }
}
