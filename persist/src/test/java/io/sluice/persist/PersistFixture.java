package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.Rows.Row;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.catalog.SqliteCatalog;
import io.sluice.persist.catalog.StaleEpochException;
import io.sluice.persist.store.FailingObjectStore;
import io.sluice.persist.store.InMemoryObjectStore;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.Condition;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/// A persister with a real catalog, a store in memory, and time that comes when it is waited for.
final class PersistFixture implements AutoCloseable {
    static final PersistSettings SETTINGS = new PersistSettings(
            3,
            250,
            new PersistGateSettings(2, 1L << 30, GateTimeout.DEFAULT),
            Duration.ofMillis(100),
            Duration.ofSeconds(30),
            Duration.ofMinutes(5));

    final ManualClock clock = new ManualClock();
    final BufferAllocator allocator = new RootAllocator();
    final Catalog realCatalog;
    final FailingCatalog catalog;
    final InMemoryObjectStore objects = new InMemoryObjectStore(clock);
    final FailingObjectStore store = new FailingObjectStore(objects);
    final PlainFormat format = new PlainFormat();
    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    final List<String> news = Collections.synchronizedList(new ArrayList<>());
    final List<Duration> waits = Collections.synchronizedList(new ArrayList<>());
    final long epoch;
    private final List<Thread> started = new CopyOnWriteArrayList<>();
    final TableSchema table;

    /// Set to make a worker that would wait for a time wait for ever instead.
    volatile boolean isTimeStopped;

    PersistFixture(Path folder) throws IOException {
        realCatalog = SqliteCatalog.open(folder.resolve("catalog.db"), clock);
        catalog = new FailingCatalog(realCatalog);
        epoch = realCatalog.registerIngester(Rows.INGESTER).epoch();
        table = table("cpu");
    }

    TableSchema table(String name) throws IOException {
        return realCatalog.ensureTable(Rows.NAMESPACE, new TableName(name), Rows.COLUMNS, 1_000);
    }

    Persister persister() {
        return persister(SETTINGS, store);
    }

    Persister persister(PersistSettings settings, ObjectStore into) {
        return persister(settings, into, epoch);
    }

    Persister persister(PersistSettings settings, ObjectStore into, long underEpoch) {
        var listener = new PersistListener() {
            @Override
            public void saturated(boolean isSaturated) {
                news.add("saturated " + isSaturated);
            }

            @Override
            public void fenced(StaleEpochException cause) {
                news.add("fenced");
            }
        };
        return new Persister(
                settings,
                catalog,
                into,
                format,
                _ -> underEpoch,
                clock,
                clock,
                this::await,
                new Random(1),
                meters,
                listener);
    }

    Persister started() {
        Persister persister = persister();
        persister.start(threads());
        return persister;
    }

    /// Makes threads that are waited for at the end: a stop may give up waiting for them.
    ThreadFactory threads() {
        return work -> {
            Thread thread = Thread.ofPlatform().name("persist").unstarted(work);
            started.add(thread);
            return thread;
        };
    }

    /// Waits until the threads of all persisters have come to their end.
    void awaitThreads() {
        for (Thread thread : started) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new AssertionError("interrupted while waiting for " + thread, e);
                }
            }
        }
    }

    PersistRequest request(String key, long minSequence, long maxSequence, Row... rows) {
        return Rows.request(allocator, table, key, minSequence, maxSequence, FreezeReason.HOT, rows);
    }

    PersistRequest request(String key, long sequence) {
        return Rows.request(allocator, table, key, sequence, sequence);
    }

    List<FileRecord> files() throws IOException {
        return realCatalog.files(Rows.NAMESPACE, table.table());
    }

    List<Row> rows(FileRecord file) throws IOException {
        try (InputStream in = objects.open(file.objectName())) {
            return PlainFormat.decode(in.readAllBytes());
        }
    }

    List<String> objectNames() {
        var names = new ArrayList<String>();
        objects.list("", (ObjectInfo object) -> names.add(object.name()));
        return names;
    }

    static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    static Throwable failureOf(CompletionStage<?> stage) {
        return stage.toCompletableFuture()
                .handle((_, failure) -> failure instanceof CompletionException wrapped ? wrapped.getCause() : failure)
                .join();
    }

    @SuppressWarnings("WaitNotInLoop") // the queue loops
    private void await(Condition condition, long nanos) throws InterruptedException {
        if (isTimeStopped) {
            condition.await();
        } else {
            waits.add(Duration.ofNanos(nanos));
            clock.advance(Duration.ofNanos(nanos));
        }
    }

    /// Fails if memory is left.
    @Override
    public void close() throws IOException {
        awaitThreads();
        realCatalog.close();
        assertThat(allocator.getAllocatedMemory()).as("Arrow memory left").isZero();
        allocator.close();
    }
}
