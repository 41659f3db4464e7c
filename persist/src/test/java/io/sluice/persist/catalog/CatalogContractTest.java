package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
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

/// What every catalog promises. An implementation extends this and hands in an empty one.
abstract class CatalogContractTest {
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
                        + " expected at most 4 (it has 3, 2 are new)");
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

    // ingesters

    @Test
    void eachStartOfAnIngesterHasAGreaterEpoch() throws IOException {
        long first = catalog().registerIngester(INGESTER).epoch();
        catalog().registerIngester(OTHER_INGESTER);
        long second = catalog().registerIngester(INGESTER).epoch();

        assertThat(second).isGreaterThan(first);
    }

    @Test
    void racingStartsOfOneIngesterGetDifferentEpochs() throws Exception {
        List<Long> epochs = race(IntStream.range(0, 8)
                .mapToObj(i -> (Callable<Long>)
                        () -> catalog().registerIngester(INGESTER).epoch())
                .toList());

        assertThat(epochs).doesNotHaveDuplicates();
    }

    @Test
    void anIngesterLearnsItsHighestPersistedWriteOverAllPartitions() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        TableSchema otherTable = ensure(METRICS, new TableName("mem"), HOST);
        assertThat(catalog().registerIngester(INGESTER).highestPersisted()).isEqualTo(SequenceNumber.NONE);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        long otherEpoch = catalog().registerIngester(OTHER_INGESTER).epoch();
        catalog().recordFile(file(table, DAY_1, INGESTER, 1, 7), epoch);
        catalog().recordFile(file(otherTable, DAY_2, INGESTER, 3, 9), epoch);
        catalog().recordFile(file(table, DAY_2, INGESTER, 2, 4), epoch);
        catalog().recordFile(file(table, DAY_1, OTHER_INGESTER, 1, 99), otherEpoch);

        assertThat(catalog().registerIngester(INGESTER).highestPersisted()).isEqualTo(new SequenceNumber(9));
    }

    // files

    @Test
    void aPartitionIsPersistedThroughNoneByDefault() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);

        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_1)))
                .isEqualTo(SequenceNumber.NONE);
        assertThat(catalog().persistedThrough(INGESTER, new PartitionId(new TableId(4711), DAY_1)))
                .isEqualTo(SequenceNumber.NONE);
    }

    @Test
    void recordingAFileAdvancesItsPartitionForItsIngesterOnly() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        FileRecord file = file(table, DAY_1, INGESTER, 1, 7);

        catalog().recordFile(file, epoch);

        assertThat(catalog().files(METRICS, CPU)).containsExactly(file);
        assertThat(catalog().objectNames()).containsExactly(file.objectName());
        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_1)))
                .isEqualTo(new SequenceNumber(7));
        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_2)))
                .isEqualTo(SequenceNumber.NONE);
        assertThat(catalog().persistedThrough(OTHER_INGESTER, partition(table, DAY_1)))
                .isEqualTo(SequenceNumber.NONE);
    }

    /// DESIGN.md §1, 3: a retry after a lost reply finds its own row and is content.
    @Test
    void recordingAFileAgainChangesNothing() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        FileRecord first = file(table, DAY_1, INGESTER, 1, 7);
        FileRecord second = file(table, DAY_1, INGESTER, 8, 9);
        catalog().recordFile(first, epoch);
        catalog().recordFile(second, epoch);

        catalog().recordFile(first, epoch);

        assertThat(catalog().files(METRICS, CPU)).containsExactly(first, second);
        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_1)))
                .isEqualTo(new SequenceNumber(9));
    }

    @Test
    void aFileThatWasUploadedAgainIsTheSameFile() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        FileRecord first = file(table, DAY_1, INGESTER, 1, 7);
        catalog().recordFile(first, epoch);

        catalog().recordFile(file(table, DAY_1, INGESTER, 1, 7, ARBITRARY_INSTANT.plusSeconds(1)), epoch);

        assertThat(catalog().files(METRICS, CPU)).containsExactly(first);
    }

    @Test
    void anotherFileUnderARecordedNameIsRefused() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        FileRecord first = file(table, DAY_1, INGESTER, 1, 7);
        catalog().recordFile(first, epoch);
        FileRecord other = file(table, DAY_2, INGESTER, 8, 9);
        var sameName = new FileRecord(
                first.objectName(),
                METRICS,
                CPU,
                other.partition(),
                INGESTER,
                other.minSequence(),
                other.maxSequence(),
                1,
                1,
                0,
                0,
                ARBITRARY_INSTANT);

        assertThatThrownBy(() -> catalog().recordFile(sameName, epoch))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessageContaining(
                        "object '%s' is recorded already with other content".formatted(first.objectName()));
        assertThat(catalog().files(METRICS, CPU)).containsExactly(first);
        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_2)))
                .isEqualTo(SequenceNumber.NONE);
    }

    /// DESIGN.md §1, 3 and 5: files of one partition hold disjoint ranges of an ingester.
    @Test
    void anOverlappingFileIsRefused() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        FileRecord first = file(table, DAY_1, INGESTER, 3, 7);
        catalog().recordFile(first, epoch);

        for (long[] range : new long[][] {{7, 8}, {3, 7}, {4, 5}, {1, 2}, {1, 9}}) {
            assertThatThrownBy(() -> catalog()
                            .recordFile(named(file(table, DAY_1, INGESTER, range[0], range[1]), "other"), epoch))
                    .isInstanceOf(CatalogConflictException.class)
                    .isNotInstanceOf(StaleEpochException.class)
                    .hasMessageContaining("begins with write %d: expected one after 7".formatted(range[0]))
                    .hasMessageContaining("partition '2026-01-01' of table 'cpu' in namespace 'metrics'");
        }
        assertThat(catalog().files(METRICS, CPU)).containsExactly(first);
        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_1)))
                .isEqualTo(new SequenceNumber(7));
    }

    @Test
    void anotherIngesterMayPersistTheSameNumbers() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        long otherEpoch = catalog().registerIngester(OTHER_INGESTER).epoch();
        FileRecord one = file(table, DAY_1, INGESTER, 1, 7);
        FileRecord other = file(table, DAY_1, OTHER_INGESTER, 1, 7);

        catalog().recordFile(other, otherEpoch);
        catalog().recordFile(one, epoch);

        assertThat(catalog().files(METRICS, CPU)).containsExactly(one, other);
    }

    @Test
    void filesAreListedByPartitionIngesterAndSequence() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        TableSchema otherTable = ensure(METRICS, new TableName("mem"), HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        long otherEpoch = catalog().registerIngester(OTHER_INGESTER).epoch();
        FileRecord a = file(table, DAY_1, INGESTER, 9, 9);
        FileRecord b = file(table, DAY_1, INGESTER, 10, 100);
        FileRecord c = file(table, DAY_1, OTHER_INGESTER, 1, 1);
        FileRecord d = file(table, DAY_2, INGESTER, 1, 1);
        FileRecord elsewhere = file(otherTable, DAY_1, INGESTER, 1, 1);
        catalog().recordFile(d, epoch);
        catalog().recordFile(c, otherEpoch);
        catalog().recordFile(a, epoch);
        catalog().recordFile(elsewhere, epoch);
        catalog().recordFile(b, epoch);

        assertThat(catalog().files(METRICS, CPU)).containsExactly(a, b, c, d);
        assertThat(catalog().objectNames())
                .containsExactlyInAnyOrderElementsOf(Stream.of(a, b, c, d, elsewhere)
                        .map(FileRecord::objectName)
                        .toList());
    }

    @Test
    void numbersOfAFileAreKeptToTheirLimits() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        var file = new FileRecord(
                "a/b",
                METRICS,
                CPU,
                partition(table, DAY_1),
                INGESTER,
                new SequenceNumber(1),
                new SequenceNumber(Long.MAX_VALUE),
                Long.MAX_VALUE,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                Instant.parse("1969-12-31T23:59:59.999999999Z"));

        catalog().recordFile(file, epoch);

        assertThat(catalog().files(METRICS, CPU)).containsExactly(file);
    }

    @Test
    void aFileOfAnUnimaginableYearIsRefusedByItsField() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> catalog().recordFile(file(table, DAY_1, INGESTER, 1, 1, Instant.MAX), epoch))
                .withMessageContaining("createdAt");
    }

    /// DESIGN.md §2: a commit under an older epoch is refused.
    @Test
    void anIngesterThatWasStartedAgainElsewhereMayNotRecord() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long stale = catalog().registerIngester(INGESTER).epoch();
        FileRecord recorded = file(table, DAY_1, INGESTER, 1, 2);
        catalog().recordFile(recorded, stale);
        long epoch = catalog().registerIngester(INGESTER).epoch();

        assertThatThrownBy(() -> catalog().recordFile(file(table, DAY_1, INGESTER, 3, 4), stale))
                .isInstanceOf(StaleEpochException.class)
                .hasMessageContaining("holds epoch %d, the catalog says %d".formatted(stale, epoch));
        assertThat(catalog().files(METRICS, CPU)).containsExactly(recorded);
        assertThat(catalog().persistedThrough(INGESTER, partition(table, DAY_1)))
                .isEqualTo(new SequenceNumber(2));
    }

    @Test
    void anEpochThatTheCatalogNeverGaveIsRefused() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();

        assertThatThrownBy(() -> catalog().recordFile(file(table, DAY_1, INGESTER, 1, 1), epoch + 1))
                .isInstanceOf(CatalogConflictException.class)
                .isNotInstanceOf(StaleEpochException.class)
                .hasMessageContaining("restored from a backup");
        assertThatThrownBy(() -> catalog().recordFile(file(table, DAY_1, OTHER_INGESTER, 1, 1), 1))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessageContaining("is not registered");
        assertThat(catalog().objectNames()).isEmpty();
    }

    @Test
    void aFileOfAnUnknownTableIsRefused() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        var unknown = new TableSchema(METRICS, CPU, new TableId(4711), PartitionTemplate.DAILY, List.of());
        var misnamed =
                new TableSchema(METRICS, new TableName("mem"), table.tableId(), PartitionTemplate.DAILY, List.of());

        assertThatThrownBy(() -> catalog().recordFile(file(unknown, DAY_1, INGESTER, 1, 1), epoch))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessage("there is no table of id 4711");
        assertThatThrownBy(() -> catalog().recordFile(file(misnamed, DAY_1, INGESTER, 1, 1), epoch))
                .isInstanceOf(CatalogConflictException.class)
                .hasMessageContaining("is of table 'mem' in namespace 'metrics', but the table of id");
        assertThat(catalog().objectNames()).isEmpty();
    }

    @Test
    void manyThreadsRecordingAndReadingLoseNothing() throws Exception {
        int threads = 8;
        int filesPerThread = 25;
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        List<Callable<Integer>> workers = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            var key = new PartitionKey("2026-03-%02d".formatted(thread + 1));
            workers.add(() -> {
                int seen = 0;
                for (int i = 1; i <= filesPerThread; i++) {
                    catalog().recordFile(file(table, key, INGESTER, i, i), epoch);
                    assertThat(catalog().persistedThrough(INGESTER, partition(table, key)))
                            .isEqualTo(new SequenceNumber(i));
                    int files = catalog().files(METRICS, CPU).size();
                    assertThat(files).isGreaterThanOrEqualTo(seen + 1);
                    seen = files;
                }
                return seen;
            });
        }

        race(workers);

        assertThat(catalog().objectNames()).hasSize(threads * filesPerThread);
        assertThat(catalog().registerIngester(INGESTER).highestPersisted())
                .isEqualTo(new SequenceNumber(filesPerThread));
    }

    /// Two jobs of one partition at once would be a bug; the catalog lets one of them through, never both.
    @Test
    void racingFilesOfOneRangeCannotBothBeRecorded() throws Exception {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();

        List<Boolean> won = race(IntStream.range(0, 8)
                .mapToObj(i -> (Callable<Boolean>) () -> {
                    try {
                        catalog().recordFile(named(file(table, DAY_1, INGESTER, 1, 5), "file-" + i), epoch);
                        return true;
                    } catch (CatalogConflictException e) {
                        return false;
                    }
                })
                .toList());

        assertThat(won).containsOnlyOnce(true);
        assertThat(catalog().files(METRICS, CPU)).hasSize(1);
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

    static FileRecord file(TableSchema table, PartitionKey key, IngesterId ingester, long min, long max) {
        return file(table, key, ingester, min, max, ARBITRARY_INSTANT);
    }

    private static FileRecord file(
            TableSchema table, PartitionKey key, IngesterId ingester, long min, long max, Instant createdAt) {
        return new FileRecord(
                "%s/%s/%s/%s-%d-%d.parquet".formatted(table.namespace(), table.table(), key, ingester, min, max),
                table.namespace(),
                table.table(),
                partition(table, key),
                ingester,
                new SequenceNumber(min),
                new SequenceNumber(max),
                3,
                1234,
                -5,
                6,
                createdAt);
    }

    private static FileRecord named(FileRecord file, String objectName) {
        return new FileRecord(
                objectName,
                file.namespace(),
                file.table(),
                file.partition(),
                file.ingester(),
                file.minSequence(),
                file.maxSequence(),
                file.rowCount(),
                file.sizeBytes(),
                file.minTimeNs(),
                file.maxTimeNs(),
                file.createdAt());
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
}
