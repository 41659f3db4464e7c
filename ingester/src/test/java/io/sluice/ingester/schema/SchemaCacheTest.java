package io.sluice.ingester.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.WriteOutcome.Limit;
import io.sluice.ingester.fixture.FailingCatalog;
import io.sluice.ingester.fixture.FailingCatalog.Mode;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.CatalogLimits;
import io.sluice.persist.catalog.Catalogs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Over a real SQLite catalog that can be told not to answer.
final class SchemaCacheTest {
    private static final NamespaceName NAMESPACE = new NamespaceName("n");
    private static final TableName TABLE = new TableName("m");
    private static final ColumnSchema HOST = ColumnSchema.tag("host");
    private static final ColumnSchema VALUE = ColumnSchema.field("v", ColumnType.F64);

    private static final List<ColumnType> TYPES = List.of(ColumnType.values());

    @TempDir
    private Path folder = Path.of("");

    private Optional<FailingCatalog> catalog = Optional.empty();

    @BeforeEach
    void open() throws IOException {
        catalog = Optional.of(
                new FailingCatalog(Catalogs.open("sqlite:" + folder.resolve("catalog.db"), Clock.systemUTC())));
    }

    @AfterEach
    void close() throws IOException {
        catalog.orElseThrow().close();
    }

    private SchemaCache cache() {
        return new SchemaCache(catalog.orElseThrow(), true);
    }

    /// A table of a write with `time` and these columns; schemas are all that the cache looks at.
    private static DecodedTable table(ColumnSchema... columns) {
        List<DecodedColumn> decoded = new ArrayList<>();
        decoded.add(column(ColumnSchema.TIME));
        for (ColumnSchema schema : columns) {
            decoded.add(column(schema));
        }
        return new DecodedTable(TABLE, 1, decoded);
    }

    private static DecodedColumn column(ColumnSchema schema) {
        return new DecodedColumn(
                schema, Optional.empty(), new DecodedColumn.Values.Int64s(ByteBuffer.allocate(Long.BYTES)));
    }

    @Test
    void theFirstWriteCreatesNamespaceTableAndColumns() throws Exception {
        TableSchema schema = cache().resolve(NAMESPACE, table(HOST, VALUE));
        assertThat(schema.columns()).containsExactly(ColumnSchema.TIME, HOST, VALUE);
        assertThat(catalog.orElseThrow().findTable(NAMESPACE, TABLE)).hasValueSatisfying(stored -> {
            assertThat(stored.tableId()).isEqualTo(schema.tableId());
            assertThat(stored.columns()).isEqualTo(schema.columns());
        });
    }

    @Test
    void aWriteWhoseColumnsAreKnownAsksTheCatalogNothing() throws Exception {
        SchemaCache cache = cache();
        TableSchema first = cache.resolve(NAMESPACE, table(HOST, VALUE));
        int before = catalog.orElseThrow().calls();
        assertThat(cache.resolve(NAMESPACE, table(VALUE))).isSameAs(first);
        assertThat(cache.resolve(NAMESPACE, table())).isSameAs(first);
        assertThat(cache.find(NAMESPACE, TABLE)).containsSame(first);
        assertThat(catalog.orElseThrow().calls()).isEqualTo(before);
    }

    @Test
    void aColumnThatAppearsLaterIsAddedBehindTheOthers() throws Exception {
        SchemaCache cache = cache();
        TableSchema before = cache.resolve(NAMESPACE, table(VALUE));
        TableSchema after = cache.resolve(NAMESPACE, table(HOST));
        assertThat(after.columns()).containsExactly(ColumnSchema.TIME, VALUE, HOST);
        assertThat(after.tableId()).isEqualTo(before.tableId());
        assertThat(cache.findCached(NAMESPACE, TABLE)).containsSame(after);
    }

    @Test
    void whatAnotherProcessAddedIsFoundThoughTheCacheIsOlder() throws Exception {
        SchemaCache cache = cache();
        cache.resolve(NAMESPACE, table(VALUE));
        cache().resolve(NAMESPACE, table(HOST));
        assertThat(cache.findCached(NAMESPACE, TABLE).orElseThrow().find(HOST.name()))
                .isEmpty();
        assertThat(cache.resolve(NAMESPACE, table(HOST)).columns()).containsExactly(ColumnSchema.TIME, VALUE, HOST);
    }

    @Test
    void anOlderAnswerThatComesLaterDoesNotReplaceTheNewer() throws Exception {
        cache().resolve(NAMESPACE, table(VALUE));
        SchemaCache cache = cache();
        // The answer that lists tables, behind the one that lists namespaces, is overtaken.
        FailingCatalog asked = catalog.orElseThrow();
        asked.beforeNextReply(() -> asked.beforeNextReply(() -> cache.resolve(NAMESPACE, table(HOST))));
        assertThat(cache.all().iterator().next().columns()).containsExactly(ColumnSchema.TIME, VALUE, HOST);
        assertThat(cache.findCached(NAMESPACE, TABLE).orElseThrow().columns())
                .containsExactly(ColumnSchema.TIME, VALUE, HOST);
    }

    /// The kept schema may be old, so the contradiction is found once in the cache and once in the catalog.
    @Test
    void aColumnOfAnotherTypeOrKindIsRefusedNamingBothAndChangesNothing() throws Exception {
        SchemaCache old = cache();
        old.resolve(NAMESPACE, table());
        SchemaCache knows = cache();
        TableSchema schema = knows.resolve(NAMESPACE, table(HOST, VALUE));
        for (SchemaCache cache : List.of(knows, old)) {
            assertThatThrownBy(() -> cache.resolve(NAMESPACE, table(ColumnSchema.field("v", ColumnType.I64))))
                    .isInstanceOf(SchemaConflictException.class)
                    .hasMessageContainingAll("'v'", "'m'", "'n'", "FIELD of type F64", "FIELD of type I64");
            assertThatThrownBy(() -> cache.resolve(
                            NAMESPACE,
                            table(
                                    ColumnSchema.field("other", ColumnType.I64),
                                    ColumnSchema.field("host", ColumnType.STRING))))
                    .isInstanceOf(SchemaConflictException.class)
                    .hasMessageContainingAll("'host'", "'m'", "'n'", "TAG", "FIELD of type STRING");
        }
        assertThat(catalog.orElseThrow()
                        .findTable(NAMESPACE, TABLE)
                        .orElseThrow()
                        .columns())
                .as("a column of a refused write")
                .isEqualTo(schema.columns());
    }

    @Test
    void moreColumnsThanATableMayHaveAreRefusedWithLimitAndCount() throws Exception {
        SchemaCache cache = cache();
        ColumnSchema[] most = new ColumnSchema[SchemaCache.MAX_COLUMNS - 1]; // and time
        for (int i = 0; i < most.length; i++) {
            most[i] = ColumnSchema.field("f" + i, ColumnType.I64);
        }
        assertThat(cache.resolve(NAMESPACE, table(most)).columns()).hasSize(SchemaCache.MAX_COLUMNS);
        assertThatThrownBy(() -> cache.resolve(NAMESPACE, table(VALUE)))
                .isInstanceOf(SchemaConflictException.class)
                .hasMessageContainingAll("1001", "1000");
        assertThat(cache.resolve(NAMESPACE, table(most[7])).columns()).hasSize(SchemaCache.MAX_COLUMNS);
    }

    @Test
    void withoutCreateOnWriteATableIsNotCreatedUntilThatIsAllowed() throws Exception {
        SchemaCache strict = new SchemaCache(catalog.orElseThrow(), false);
        assertThatThrownBy(() -> strict.resolve(NAMESPACE, table(VALUE)))
                .isInstanceOf(SchemaConflictException.class)
                .hasMessageContainingAll("'m'", "'n'", "--create-on-write");
        assertThat(catalog.orElseThrow().namespaces()).isEmpty();
        strict.createOnWrite(true);
        assertThat(strict.resolve(NAMESPACE, table(VALUE)).columns()).containsExactly(ColumnSchema.TIME, VALUE);
    }

    @Test
    void withoutCreateOnWriteTablesThatThereAreGrow() throws Exception {
        SchemaCache strict = cache();
        strict.createOnWrite(false);
        catalog.orElseThrow().ensureTable(NAMESPACE, TABLE, List.of(), SchemaCache.MAX_COLUMNS);
        assertThat(strict.resolve(NAMESPACE, table(VALUE)).columns()).containsExactly(ColumnSchema.TIME, VALUE);
    }

    @Test
    void aCatalogThatDoesNotAnswerIsAnIoExceptionAndNothingIsKept() throws Exception {
        SchemaCache cache = cache();
        for (Mode mode : List.of(Mode.FAILS, Mode.LOSES_REPLIES)) {
            catalog.orElseThrow().set(mode);
            assertThatThrownBy(() -> cache.resolve(NAMESPACE, table(VALUE))).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> cache.find(NAMESPACE, TABLE)).isInstanceOf(IOException.class);
            assertThatThrownBy(cache::all).isInstanceOf(IOException.class);
            assertThat(cache.findCached(NAMESPACE, TABLE)).isEmpty();
        }
        catalog.orElseThrow().set(Mode.ANSWERS);
        assertThat(cache.resolve(NAMESPACE, table(VALUE)).columns()).containsExactly(ColumnSchema.TIME, VALUE);
    }

    /// The column may have been made or not; either way the next write finds the truth.
    @Test
    void aColumnWhoseCreationFailedIsNotKnownUntilTheCatalogAnswers() throws Exception {
        SchemaCache cache = cache();
        cache.resolve(NAMESPACE, table(VALUE));
        for (Mode mode : List.of(Mode.FAILS, Mode.LOSES_REPLIES)) {
            catalog.orElseThrow().set(mode);
            assertThatThrownBy(() -> cache.resolve(NAMESPACE, table(HOST))).isInstanceOf(IOException.class);
            assertThat(cache.findCached(NAMESPACE, TABLE).orElseThrow().columns())
                    .containsExactly(ColumnSchema.TIME, VALUE);
            assertThat(cache.resolve(NAMESPACE, table(VALUE)).columns())
                    .as("what is known needs no catalog")
                    .containsExactly(ColumnSchema.TIME, VALUE);
        }
        catalog.orElseThrow().set(Mode.ANSWERS);
        assertThat(cache.resolve(NAMESPACE, table(HOST)).columns()).containsExactly(ColumnSchema.TIME, VALUE, HOST);
    }

    @Test
    void aTableThatIsMissingIsLookedForAgain() throws Exception {
        SchemaCache cache = cache();
        assertThat(cache.find(NAMESPACE, TABLE)).isEmpty();
        cache().resolve(NAMESPACE, table(VALUE));
        assertThat(cache.find(NAMESPACE, TABLE)).isPresent();
    }

    @Test
    void allTellsOfEveryTableOfEveryNamespace() throws Exception {
        cache().resolve(NAMESPACE, table(VALUE));
        cache().resolve(new NamespaceName("o"), table(HOST));
        SchemaCache cache = cache();
        assertThat(cache.all()).extracting(schema -> schema.namespace().value()).containsExactlyInAnyOrder("n", "o");
        assertThat(cache.findCached(NAMESPACE, TABLE)).isPresent();
    }

    /// Eight writers meet at a table that does not exist; each brings a column of its own besides a common one.
    @Test
    void concurrentFirstWritesOfOneTableAgree() throws Exception {
        int writers = 8;
        SchemaCache cache = cache();
        try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            for (int round = 0; round < 5; round++) {
                NamespaceName namespace = new NamespaceName("round" + round);
                CyclicBarrier together = new CyclicBarrier(writers);
                List<Future<TableSchema>> results = new ArrayList<>();
                for (int i = 0; i < writers; i++) {
                    ColumnSchema own = ColumnSchema.field("f" + i, TYPES.get(i % TYPES.size()));
                    results.add(threads.submit(() -> {
                        together.await(1, TimeUnit.MINUTES);
                        TableSchema resolved = cache.resolve(namespace, table(VALUE, own));
                        assertThat(resolved.columns()).contains(VALUE, own);
                        return resolved;
                    }));
                }
                for (Future<TableSchema> result : results) {
                    TableSchema resolved = result.get(1, TimeUnit.MINUTES);
                    TableSchema stored =
                            catalog.orElseThrow().findTable(namespace, TABLE).orElseThrow();
                    assertThat(resolved.tableId()).isEqualTo(stored.tableId());
                    assertThat(stored.columns().subList(0, resolved.columns().size()))
                            .as("an older version is the newer's beginning")
                            .isEqualTo(resolved.columns());
                }
                assertThat(cache.findCached(namespace, TABLE).orElseThrow().columns())
                        .as("the newest version is kept, whoever came last")
                        .hasSize(writers + 2)
                        .isEqualTo(catalog.orElseThrow()
                                .findTable(namespace, TABLE)
                                .orElseThrow()
                                .columns());
            }
        }
    }

    /// One of two types wins, and every writer of the other is told so.
    @Test
    void concurrentFirstWritesThatContradictOneAnotherHaveOneWinner() throws Exception {
        int writers = 8;
        SchemaCache cache = cache();
        try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            CyclicBarrier together = new CyclicBarrier(writers);
            List<Future<Optional<ColumnType>>> results = new ArrayList<>();
            for (int i = 0; i < writers; i++) {
                ColumnType type = i % 2 == 0 ? ColumnType.I64 : ColumnType.STRING;
                results.add(threads.submit(() -> {
                    together.await(1, TimeUnit.MINUTES);
                    try {
                        cache.resolve(NAMESPACE, table(ColumnSchema.field("v", type)));
                        return Optional.of(type);
                    } catch (SchemaConflictException e) {
                        assertThat(e).hasMessageContainingAll("I64", "STRING");
                        return Optional.empty();
                    }
                }));
            }
            List<ColumnType> won = new ArrayList<>();
            for (Future<Optional<ColumnType>> result : results) {
                result.get(1, TimeUnit.MINUTES).ifPresent(won::add);
            }
            ColumnType stored = cache.findCached(NAMESPACE, TABLE)
                    .flatMap(schema -> schema.find(VALUE.name()))
                    .orElseThrow()
                    .type();
            assertThat(won).hasSize(writers / 2).containsOnly(stored);
        }
    }

    @Test
    void eachLimitIsCountedAndTheValuesAreShown(@TempDir Path other) throws Exception {
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        try (Catalog small =
                Catalogs.open("sqlite:" + other.resolve("small.db"), Clock.systemUTC(), new CatalogLimits(1, 1))) {
            SchemaCache cache = new SchemaCache(small, true, 2, metrics);
            cache.resolve(NAMESPACE, table(VALUE));
            assertRefused(Limit.COLUMN_COUNT, () -> cache.resolve(NAMESPACE, table(HOST)));
            assertRefused(
                    Limit.TABLE_COUNT, () -> cache.resolve(NAMESPACE, new TableName("u"), List.of(ColumnSchema.TIME)));
            assertRefused(Limit.NAMESPACE_COUNT, () -> cache.resolve(new NamespaceName("o"), table()));
            for (String limit : List.of("column_count", "table_count", "namespace_count")) {
                assertThat(metrics.get("sluice.schema.limit.refusals")
                                .tag("limit", limit)
                                .counter()
                                .count())
                        .isEqualTo(1);
            }
            assertThat(metrics.get("sluice.schema.namespaces").gauge().value()).isEqualTo(1);
            assertThat(metrics.get("sluice.schema.tables.largest").gauge().value())
                    .isEqualTo(1);
            assertThat(metrics.get("sluice.schema.columns.largest").gauge().value())
                    .isEqualTo(2);
            assertThat(small.namespaces()).containsExactly(NAMESPACE);
            assertThat(small.tables(NAMESPACE)).hasSize(1);
            cache.reconfigure(3);
            assertThat(cache.resolve(NAMESPACE, table(HOST)).columns()).hasSize(3);
        }
    }

    private static void assertRefused(Limit limit, ThrowableAssert.ThrowingCallable write) {
        assertThatThrownBy(write)
                .isInstanceOfSatisfying(
                        SchemaLimitException.class, e -> assertThat(e.limit()).isEqualTo(limit));
    }

    private SchemaCache remembering(boolean createOnWrite, AtomicLong nowNs) {
        return new SchemaCache(
                catalog.orElseThrow(),
                createOnWrite,
                SchemaCache.MAX_COLUMNS,
                Duration.ofSeconds(1),
                nowNs::get,
                new SimpleMeterRegistry());
    }

    /// All begin while the first one's answer is on its way.
    private int callsOf(int threads, SchemaCache cache, ThrowableAssert.ThrowingCallable look) throws Exception {
        int before = catalog.orElseThrow().calls();
        CountDownLatch others = new CountDownLatch(threads - 1);
        catalog.orElseThrow().beforeNextReply(() -> {
            others.await();
            while (cache.waiting() < threads - 1) {
                Thread.onSpinWait();
            }
        });
        List<Future<Boolean>> all = new ArrayList<>();
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < threads; i++) {
                if (i == 1) {
                    while (catalog.orElseThrow().calls() == before) {
                        Thread.onSpinWait();
                    }
                }
                boolean isFirst = i == 0;
                all.add(executor.submit(() -> {
                    if (!isFirst) {
                        others.countDown();
                    }
                    try {
                        look.call();
                        return true;
                    } catch (IOException e) {
                        return false;
                    } catch (Throwable e) {
                        throw new AssertionError(e);
                    }
                }));
            }
            boolean expected = all.getFirst().get();
            for (Future<Boolean> one : all) {
                assertThat(one.get()).isEqualTo(expected);
            }
        }
        return catalog.orElseThrow().calls() - before;
    }

    @Test
    void manyWhoNeedOneNewTableAskTheCatalogAsOne() throws Exception {
        SchemaCache cache = cache();
        assertThat(callsOf(50, cache, () -> cache.resolve(NAMESPACE, table(HOST, VALUE))))
                .as("one look, and one that creates")
                .isEqualTo(2);
        SchemaCache other = cache();
        assertThat(callsOf(50, other, () -> other.find(NAMESPACE, TABLE))).isEqualTo(1);
    }

    @Test
    void manyWhoWaitForACatalogThatIsDownFailTogether() throws Exception {
        SchemaCache cache = cache();
        catalog.orElseThrow().set(Mode.LOSES_REPLIES);
        assertThat(callsOf(50, cache, () -> cache.find(NAMESPACE, TABLE))).isEqualTo(1);
        catalog.orElseThrow().set(Mode.ANSWERS);
        assertThat(cache.find(NAMESPACE, TABLE)).isEmpty();
    }

    @Test
    void thatATableIsNotThereIsRememberedForAMoment() throws Exception {
        AtomicLong nowNs = new AtomicLong();
        SchemaCache cache = remembering(false, nowNs);
        assertThat(cache.find(NAMESPACE, TABLE)).isEmpty();
        int before = catalog.orElseThrow().calls();
        assertThat(cache.find(NAMESPACE, TABLE)).isEmpty();
        assertThatThrownBy(() -> cache.resolve(NAMESPACE, table(HOST))).hasMessageContaining("does not exist");
        assertThatThrownBy(() -> cache.tryResolve(NAMESPACE, table(HOST))).hasMessageContaining("does not exist");
        assertThat(catalog.orElseThrow().calls()).isEqualTo(before);
        cache().resolve(NAMESPACE, table(HOST));
        assertThat(cache.find(NAMESPACE, TABLE)).as("still within the second").isEmpty();
        nowNs.set(Duration.ofSeconds(1).toNanos());
        assertThat(cache.find(NAMESPACE, TABLE)).isPresent();
    }

    @Test
    void aTableThatIsMadeHereIsThereAtOnceWhateverIsRemembered() throws Exception {
        SchemaCache cache = remembering(true, new AtomicLong());
        assertThat(cache.find(NAMESPACE, TABLE)).isEmpty();
        cache.resolve(NAMESPACE, table(HOST));
        assertThat(cache.find(NAMESPACE, TABLE)).isPresent();
        assertThat(cache.isKnown(NAMESPACE, TABLE)).isTrue();
        assertThat(cache.isKnown(NAMESPACE)).isTrue();
        assertThat(cache.isKnown(new NamespaceName("o"))).isFalse();
    }

    @Test
    void whatIsKnownInMemoryAloneAsksNobody() throws Exception {
        SchemaCache cache = cache();
        int before = catalog.orElseThrow().calls();
        assertThat(cache.tryResolve(NAMESPACE, table(HOST))).isEmpty();
        assertThat(catalog.orElseThrow().calls()).isEqualTo(before);
        TableSchema made = cache.resolve(NAMESPACE, table(HOST));
        before = catalog.orElseThrow().calls();
        assertThat(cache.tryResolve(NAMESPACE, table(HOST))).containsSame(made);
        assertThat(cache.tryResolve(NAMESPACE, table(HOST, VALUE)))
                .as("a new column")
                .isEmpty();
        assertThat(catalog.orElseThrow().calls()).isEqualTo(before);
    }
}
