package io.sluice.persist;

import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.FileQuery;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.catalog.PartitionSummary;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// A catalog that fails on cue: before a step had its effect, or after it, as when the reply is lost. Only the steps
/// of a persist job fail. Any thread may call.
final class FailingCatalog implements Catalog {
    /// What can fail.
    enum Step {
        PERSISTED_THROUGH,
        FILES,
        SORT_KEY,
        COMPARE_AND_SET,
        RECORD_FILE,
        OBJECT_NAMES
    }

    /// Whether the step was taken nevertheless.
    enum When {
        BEFORE_EFFECT,
        AFTER_EFFECT
    }

    private record Cue(Step step, When when, Supplier<Optional<Throwable>> failure) {}

    private final Catalog next;
    private final List<Cue> cues = new ArrayList<>();

    FailingCatalog(Catalog next) {
        this.next = next;
    }

    void failNext(Step step, When when, int times) {
        failNext(step, when, times, () -> new IOException("catalog made to fail at " + step));
    }

    synchronized void failNext(Step step, When when, int times, Supplier<? extends Throwable> failure) {
        for (int i = 0; i < times; i++) {
            cues.add(new Cue(step, when, () -> Optional.of(failure.get())));
        }
    }

    /// Does something right before a step: what another ingester does.
    synchronized void interpose(Step step, Runnable action) {
        cues.add(new Cue(step, When.BEFORE_EFFECT, () -> {
            action.run();
            return Optional.empty();
        }));
    }

    synchronized void heal() {
        cues.clear();
    }

    private synchronized Optional<Cue> takeCue(Step step) {
        for (int i = 0; i < cues.size(); i++) {
            if (cues.get(i).step() == step) {
                return Optional.of(cues.remove(i));
            }
        }
        return Optional.empty();
    }

    private <T> T run(Step step, Action<T> action) throws IOException {
        Optional<Cue> cue = takeCue(step);
        if (cue.isPresent() && cue.get().when() == When.BEFORE_EFFECT) {
            fail(cue.get());
        }
        T result = action.run();
        if (cue.isPresent() && cue.get().when() == When.AFTER_EFFECT) {
            fail(cue.get());
        }
        return result;
    }

    private static void fail(Cue cue) throws IOException {
        Optional<Throwable> failure = cue.failure().get();
        if (failure.isEmpty()) {
            return;
        }
        switch (failure.get()) {
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new AssertionError("not to be thrown by a catalog", e);
        }
    }

    @FunctionalInterface
    private interface Action<T> {
        T run() throws IOException;
    }

    @Override
    public List<NamespaceName> namespaces() throws IOException {
        return next.namespaces();
    }

    @Override
    public Optional<PartitionTemplate> findNamespace(NamespaceName namespace) throws IOException {
        return next.findNamespace(namespace);
    }

    @Override
    public void createNamespace(NamespaceName namespace, PartitionTemplate template) throws IOException {
        next.createNamespace(namespace, template);
    }

    @Override
    public List<TableSchema> tables(NamespaceName namespace) throws IOException {
        return next.tables(namespace);
    }

    @Override
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return next.findTable(namespace, table);
    }

    @Override
    public TableSchema ensureTable(NamespaceName namespace, TableName table, List<ColumnSchema> columns, int maxColumns)
            throws IOException {
        return next.ensureTable(namespace, table, columns, maxColumns);
    }

    @Override
    public SortKey sortKey(TableId table) throws IOException {
        return run(Step.SORT_KEY, () -> next.sortKey(table));
    }

    @Override
    public SortKey compareAndSetSortKey(TableId table, SortKey expected, SortKey update) throws IOException {
        return run(Step.COMPARE_AND_SET, () -> next.compareAndSetSortKey(table, expected, update));
    }

    @Override
    public Registration registerIngester(IngesterId ingester) throws IOException {
        return next.registerIngester(ingester);
    }

    @Override
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return run(Step.PERSISTED_THROUGH, () -> next.persistedThrough(ingester, partition));
    }

    @Override
    public void recordFile(FileRecord file, long epoch) throws IOException {
        boolean _ = run(Step.RECORD_FILE, () -> {
            next.recordFile(file, epoch);
            return true;
        });
    }

    @Override
    public List<FileRecord> files(NamespaceName namespace, TableName table) throws IOException {
        return run(Step.FILES, () -> next.files(namespace, table));
    }

    @Override
    public List<FileRecord> files(FileQuery query) throws IOException {
        return run(Step.FILES, () -> next.files(query));
    }

    @Override
    public List<PartitionSummary> partitions(
            NamespaceName namespace, TableName table, Optional<PartitionKey> after, int limit) throws IOException {
        return run(Step.FILES, () -> next.partitions(namespace, table, after, limit));
    }

    @Override
    public Set<String> objectNames() throws IOException {
        return run(Step.OBJECT_NAMES, next::objectNames);
    }

    @Override
    public void close() throws IOException {
        next.close();
    }
}
