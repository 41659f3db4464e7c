package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// What every catalog promises about namespaces, tables and sort keys; the first half of [CatalogContractTest].
abstract class CatalogSchemaContractTest {
    static final NamespaceName METRICS = new NamespaceName("metrics");
    static final TableName CPU = new TableName("cpu");
    static final ColumnSchema HOST = ColumnSchema.tag("host");
    static final ColumnSchema REGION = ColumnSchema.tag("region");
    static final ColumnSchema USAGE = ColumnSchema.field("usage", ColumnType.F64);
    static final PartitionKey DAY_1 = new PartitionKey("2026-01-01");
    static final PartitionKey DAY_2 = new PartitionKey("2026-01-02");
    static final IngesterId INGESTER = IngesterId.parse("00000000-0000-0000-0000-000000000001");
    static final IngesterId OTHER_INGESTER = IngesterId.parse("f0000000-0000-0000-0000-000000000002");
    static final Instant ARBITRARY_INSTANT = Instant.parse("2026-02-03T04:05:06.123456789Z");
    static final int MANY_COLUMNS = 1000;

    /// The catalog under test, the same for the whole of one test; empty at its beginning.
    abstract Catalog catalog();

    // namespaces

    @Test
    void anEmptyCatalogHasNoNamespaces() throws IOException {
        assertThat(catalog().namespaces()).isEmpty();
        assertThat(catalog().findNamespace(METRICS)).isEmpty();
        assertThat(catalog().tables(METRICS)).isEmpty();
        assertThat(catalog().findTable(METRICS, CPU)).isEmpty();
        assertThat(catalog().files(METRICS, CPU)).isEmpty();
        assertThat(catalog().objectNames()).isEmpty();
    }

    @Test
    void aNamespaceIsFoundAfterItsCreation() throws IOException {
        catalog().createNamespace(METRICS, PartitionTemplate.DAILY);

        assertThat(catalog().findNamespace(METRICS)).contains(PartitionTemplate.DAILY);
        assertThat(catalog().namespaces()).containsExactly(METRICS);
    }

    @Test
    void creatingANamespaceTwiceChangesNothing() throws IOException {
        catalog().createNamespace(METRICS, PartitionTemplate.DAILY);
        catalog().createNamespace(METRICS, PartitionTemplate.DAILY);

        assertThat(catalog().namespaces()).containsExactly(METRICS);
    }

    @Test
    void namesAreAnyTextKeptAsItIsAndSorted() throws IOException {
        List<NamespaceName> names = Stream.of(
                        "B",
                        "a",
                        "A",
                        "'; DROP TABLE files; --",
                        "%",
                        "ä",
                        "e\u0301",
                        "é",
                        "日本語",
                        "\uFFFD",
                        "😀",
                        "x".repeat(255),
                        " ",
                        "a/b",
                        "..",
                        "?",
                        "\"")
                .map(NamespaceName::new)
                .toList();
        for (NamespaceName name : names) {
            catalog().ensureTable(name, new TableName(name.value()), List.of(ColumnSchema.tag(name.value())), 2);
        }

        assertThat(catalog().namespaces())
                .containsExactlyElementsOf(names.stream().sorted().toList());
        for (NamespaceName name : names) {
            assertThat(catalog().tables(name)).singleElement().satisfies(table -> {
                assertThat(table.namespace()).isEqualTo(name);
                assertThat(table.table().value()).isEqualTo(name.value());
                assertThat(table.find(new ColumnName(name.value()))).contains(ColumnSchema.tag(name.value()));
            });
        }
    }

    // tables

    @Test
    void ensureTableCreatesNamespaceTableAndColumnsInTheOrderGiven() throws IOException {
        TableSchema created = ensure(METRICS, CPU, USAGE, ColumnSchema.TIME, HOST);

        assertThat(created.namespace()).isEqualTo(METRICS);
        assertThat(created.table()).isEqualTo(CPU);
        assertThat(created.template()).isEqualTo(PartitionTemplate.DAILY);
        assertThat(created.columns()).containsExactly(USAGE, ColumnSchema.TIME, HOST);
        assertThat(catalog().findNamespace(METRICS)).contains(PartitionTemplate.DAILY);
        assertSame(catalog().findTable(METRICS, CPU).orElseThrow(), created);
    }

    @Test
    void aTableHasTimeFirstIfItsFirstColumnsComeWithoutIt() throws IOException {
        assertThat(ensure(METRICS, CPU, HOST, USAGE).columns()).containsExactly(ColumnSchema.TIME, HOST, USAGE);
    }

    @Test
    void ensureTableAddsWhatIsMissingBehindWhatIsThere() throws IOException {
        TableSchema before = ensure(METRICS, CPU, HOST);
        TableSchema after = ensure(METRICS, CPU, USAGE, HOST, REGION);

        assertThat(after.tableId()).isEqualTo(before.tableId());
        assertThat(after.columns()).containsExactly(ColumnSchema.TIME, HOST, USAGE, REGION);
        assertSame(catalog().findTable(METRICS, CPU).orElseThrow(), after);
    }

    @Test
    void ensureTableReturnsTheWholeSchemaWhateverWasAskedFor() throws IOException {
        ensure(METRICS, CPU, HOST, USAGE);

        assertThat(ensure(METRICS, CPU).columns()).containsExactly(ColumnSchema.TIME, HOST, USAGE);
        assertThat(ensure(METRICS, CPU, USAGE, USAGE).columns()).containsExactly(ColumnSchema.TIME, HOST, USAGE);
    }

    @Test
    void tablesOfOneNamespaceAreListedByName() throws IOException {
        var other = new NamespaceName("other");
        for (String table : List.of("mem", "cpu", "Disk")) {
            ensure(METRICS, new TableName(table), HOST);
        }
        ensure(other, CPU, REGION);

        assertThat(catalog().tables(METRICS))
                .extracting(TableSchema::table)
                .map(TableName::value)
                .containsExactly("Disk", "cpu", "mem");
        assertThat(catalog().tables(other))
                .singleElement()
                .satisfies(table -> assertThat(table.columns()).containsExactly(ColumnSchema.TIME, REGION));
        assertThat(Stream.concat(catalog().tables(METRICS).stream(), catalog().tables(other).stream())
                        .map(TableSchema::tableId))
                .doesNotHaveDuplicates();
    }

    @Test
    void aColumnOfAnotherTypeIsRefusedWithBothTypes() throws IOException {
        ensure(METRICS, CPU, USAGE);

        assertThatThrownBy(() -> ensure(METRICS, CPU, ColumnSchema.field("usage", ColumnType.I64)))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessage("column 'usage' of table 'cpu' in namespace 'metrics':"
                        + " expected FIELD of type F64, found FIELD of type I64");
    }

    @Test
    void aColumnOfAnotherKindIsRefusedWithBothKinds() throws IOException {
        ensure(METRICS, CPU, HOST);

        assertThatThrownBy(() -> ensure(METRICS, CPU, ColumnSchema.field("host", ColumnType.STRING)))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessage("column 'host' of table 'cpu' in namespace 'metrics':"
                        + " expected TAG, found FIELD of type STRING");
    }

    @Test
    void aConflictAmongNewColumnsChangesNothing() throws IOException {
        ensure(METRICS, CPU, USAGE);

        assertThatThrownBy(() -> ensure(METRICS, CPU, HOST, ColumnSchema.tag("usage"), REGION))
                .isInstanceOf(CatalogConflictException.class);
        assertThat(catalog().findTable(METRICS, CPU).orElseThrow().columns()).containsExactly(ColumnSchema.TIME, USAGE);
    }

    @Test
    void aConflictInANewTableCreatesNeitherTableNorNamespace() throws IOException {
        assertThatThrownBy(() -> ensure(METRICS, CPU, HOST, ColumnSchema.field("host", ColumnType.BOOL)))
                .isInstanceOf(CatalogConflictException.class);
        assertThat(catalog().namespaces()).isEmpty();
        assertThat(catalog().findTable(METRICS, CPU)).isEmpty();
    }

    @Test
    void tooManyColumnsAreRefusedWithLimitAndCountAndChangeNothing() throws IOException {
        ensure(METRICS, CPU, HOST, USAGE);

        assertThatThrownBy(() -> catalog().ensureTable(METRICS, CPU, List.of(REGION, ColumnSchema.tag("rack")), 4))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessage("table 'cpu' in namespace 'metrics' would have 5 columns:"
                        + " expected at most 4 (--max-columns; it has 3, 2 are new)");
        assertThat(catalog().findTable(METRICS, CPU).orElseThrow().columns()).hasSize(3);
        assertThat(catalog().ensureTable(METRICS, CPU, List.of(REGION), 4).columns())
                .hasSize(4);
    }

    @Test
    void aTableKeepsItsColumnsWhenTheLimitIsLowered() throws IOException {
        ensure(METRICS, CPU, HOST, REGION, USAGE);

        assertThat(catalog().ensureTable(METRICS, CPU, List.of(HOST, USAGE), 2).columns())
                .hasSize(4);
    }

    @Test
    void aTableMayHaveAThousandColumns() throws IOException {
        List<ColumnSchema> columns = IntStream.range(1, MANY_COLUMNS)
                .mapToObj(i -> ColumnSchema.field("f" + i, i % 2 == 0 ? ColumnType.U64 : ColumnType.BOOL))
                .toList();

        TableSchema created = catalog().ensureTable(METRICS, CPU, columns, MANY_COLUMNS);

        assertThat(created.columns()).hasSize(MANY_COLUMNS);
        assertThat(catalog().findTable(METRICS, CPU).orElseThrow().columns().subList(1, MANY_COLUMNS))
                .isEqualTo(columns);
    }

    @Test
    void racingCreatorsOfOneTableAgreeOnIt() throws Exception {
        int racers = 8;
        List<Callable<TableSchema>> creators = new ArrayList<>();
        for (int i = 0; i < racers; i++) {
            ColumnSchema own = ColumnSchema.field("f" + i, ColumnType.I64);
            creators.add(() -> ensure(METRICS, CPU, HOST, own));
        }

        List<TableSchema> seen = race(creators);

        TableSchema last = catalog().findTable(METRICS, CPU).orElseThrow();
        assertThat(last.columns()).hasSize(2 + racers);
        assertThat(seen).allSatisfy(schema -> {
            assertThat(schema.tableId()).isEqualTo(last.tableId());
            assertThat(schema.columns())
                    .isEqualTo(last.columns().subList(0, schema.columns().size()));
        });
    }

    @Test
    void racingCreatorsOfOneColumnWithTwoTypesCannotBothWin() throws Exception {
        for (int round = 0; round < 10; round++) {
            var table = new TableName("t" + round);
            List<String> outcomes = race(Stream.of(ColumnType.I64, ColumnType.F64)
                    .map(type -> (Callable<String>) () -> {
                        try {
                            ensure(METRICS, table, ColumnSchema.field("value", type));
                            return type.name();
                        } catch (CatalogConflictException e) {
                            return "refused";
                        }
                    })
                    .toList());

            ColumnSchema winner = catalog()
                    .findTable(METRICS, table)
                    .orElseThrow()
                    .find(new ColumnName("value"))
                    .orElseThrow();
            assertThat(outcomes)
                    .containsExactlyInAnyOrder("refused", winner.type().name());
        }
    }

    // sort keys

    @Test
    void aTableHasTheEmptySortKeyUntilOneIsSet() throws IOException {
        TableId table = ensure(METRICS, CPU, HOST, REGION).tableId();
        assertThat(catalog().sortKey(table)).isEqualTo(SortKey.EMPTY);

        SortKey inForce = catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("region", "host"));

        assertThat(inForce).isEqualTo(key("region", "host"));
        assertThat(catalog().sortKey(table)).isEqualTo(key("region", "host"));
    }

    @Test
    void whoeverExpectsAnotherSortKeyLearnsTheOneInForce() throws IOException {
        TableId table = ensure(METRICS, CPU, HOST, REGION).tableId();
        catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("host"));

        assertThat(catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("region")))
                .isEqualTo(key("host"));
        assertThat(catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("host")))
                .isEqualTo(key("host"));
        assertThat(catalog().sortKey(table)).isEqualTo(key("host"));
    }

    @Test
    void aSortKeyIsExtended() throws IOException {
        TableId table = ensure(METRICS, CPU, HOST, REGION).tableId();
        catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("host"));

        assertThat(catalog().compareAndSetSortKey(table, key("host"), key("host", "region")))
                .isEqualTo(key("host", "region"));
        assertThat(catalog().sortKey(table)).isEqualTo(key("host", "region"));
    }

    @Test
    void aSortKeyIsNeverReorderedOrShortened() throws IOException {
        TableId table = ensure(METRICS, CPU, HOST, REGION).tableId();
        catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("host", "region"));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> catalog().compareAndSetSortKey(table, key("host", "region"), key("region", "host")))
                .withMessage("sort key [region, host] does not extend [host, region]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> catalog().compareAndSetSortKey(table, key("host", "region"), key("host")));
        assertThat(catalog().sortKey(table)).isEqualTo(key("host", "region"));
    }

    @Test
    void aSortKeyHoldsTagsOfItsTableOnly() throws IOException {
        TableId table = ensure(METRICS, CPU, HOST, USAGE).tableId();

        for (String noTag : List.of("usage", "time", "region")) {
            assertThatThrownBy(() -> catalog().compareAndSetSortKey(table, SortKey.EMPTY, key("host", noTag)))
                    .isInstanceOf(CatalogConflictException.class)
                    .hasMessage("sort key of table 'cpu' in namespace 'metrics' names '%s': expected a TAG of the table"
                            .formatted(noTag));
        }
        assertThat(catalog().sortKey(table)).isEqualTo(SortKey.EMPTY);
    }

    @Test
    void aMissingTableHasNoSortKey() {
        var missing = new TableId(4711);
        assertThatThrownBy(() -> catalog().sortKey(missing))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessage("there is no table of id 4711");
        assertThatThrownBy(() -> catalog().compareAndSetSortKey(missing, SortKey.EMPTY, key("host")))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessage("there is no table of id 4711");
    }

    @Test
    void racersForASortKeyAllLearnTheWinners() throws Exception {
        for (int round = 0; round < 10; round++) {
            TableId table =
                    ensure(METRICS, new TableName("t" + round), HOST, REGION).tableId();

            List<SortKey> inForce = race(IntStream.range(0, 8)
                    .mapToObj(i -> i % 2 == 0 ? key("host", "region") : key("region", "host"))
                    .map(own -> (Callable<SortKey>) () -> catalog().compareAndSetSortKey(table, SortKey.EMPTY, own))
                    .toList());

            assertThat(Set.copyOf(inForce)).containsExactly(catalog().sortKey(table));
        }
    }

    // helpers

    TableSchema ensure(NamespaceName namespace, TableName table, ColumnSchema... columns) throws IOException {
        return catalog().ensureTable(namespace, table, List.of(columns), MANY_COLUMNS);
    }

    static SortKey key(String... tags) {
        return new SortKey(Stream.of(tags).map(ColumnName::new).toList());
    }

    static PartitionId partition(TableSchema table, PartitionKey key) {
        return new PartitionId(table.tableId(), key);
    }

    private static void assertSame(TableSchema actual, TableSchema expected) {
        assertThat(actual.namespace()).isEqualTo(expected.namespace());
        assertThat(actual.table()).isEqualTo(expected.table());
        assertThat(actual.tableId()).isEqualTo(expected.tableId());
        assertThat(actual.template()).isEqualTo(expected.template());
        assertThat(actual.columns()).isEqualTo(expected.columns());
    }

    /// Runs all tasks at once, each on a thread of its own, and returns their results in order.
    static <T> List<T> race(List<Callable<T>> tasks) throws Exception {
        var start = new CyclicBarrier(tasks.size());
        try (var threads = Executors.newFixedThreadPool(tasks.size())) {
            List<Future<T>> futures = new ArrayList<>();
            for (Callable<T> task : tasks) {
                futures.add(threads.submit(() -> {
                    start.await();
                    return task.call();
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                try {
                    results.add(future.get());
                } catch (ExecutionException e) {
                    throw new AssertionError("a racer failed", e.getCause());
                }
            }
            return results;
        }
    }

    @Test
    void aNamespaceKeepsItsTemplateAndItsTagsAreTagsInAllTables() throws Exception {
        PartitionTemplate template = new PartitionTemplate("%Y-%m|tag:region");
        catalog().createNamespace(METRICS, template);
        assertThatThrownBy(() -> catalog().createNamespace(METRICS, PartitionTemplate.DAILY))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessageContainingAll("'%Y-%m-%d'", "'%Y-%m|tag:region'");
        TableName table = new TableName("t");
        ColumnSchema field = new ColumnSchema(new ColumnName("region"), ColumnKind.FIELD, ColumnType.STRING);
        assertThatThrownBy(() -> catalog().ensureTable(METRICS, table, List.of(field), 10))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessageContainingAll("'region'", "'t'", "expected a TAG", "FIELD");
        assertThat(catalog().findTable(METRICS, table)).isEmpty();
        assertThat(catalog().ensureTable(METRICS, table, List.of(), 10).template())
                .isEqualTo(template);
        assertThat(catalog().findTable(METRICS, table).orElseThrow().template()).isEqualTo(template);
    }
}
