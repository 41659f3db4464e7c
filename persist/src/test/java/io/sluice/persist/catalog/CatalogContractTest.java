package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// What every catalog promises. An implementation extends this and hands in an empty one.
abstract class CatalogContractTest extends CatalogSchemaContractTest {
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

    /// ARCHITECTURE.md, invariant 3: a retry after a lost reply finds its own row and is content.
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

    /// ARCHITECTURE.md, invariants 3 and 5: files of one partition hold disjoint ranges of an ingester.
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
    void filesAreListedInPagesByTableAndPartition() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        TableSchema other = ensure(METRICS, new TableName("mem"), HOST);
        TableSchema elsewhere = ensure(new NamespaceName("elsewhere"), CPU, HOST);
        long epoch = catalog().registerIngester(INGESTER).epoch();
        List<FileRecord> all = new ArrayList<>();
        for (int i = 1; i <= 5; i++) {
            all.add(file(table, i % 2 == 0 ? DAY_2 : DAY_1, INGESTER, i, i));
        }
        all.add(file(other, DAY_1, INGESTER, 6, 6));
        for (FileRecord file : all) {
            catalog().recordFile(file, epoch);
        }
        catalog().recordFile(file(elsewhere, DAY_1, INGESTER, 7, 7), epoch);

        assertThat(pages(Optional.empty(), Optional.empty(), 4)).containsExactlyInAnyOrderElementsOf(all);
        assertThat(pages(Optional.of(CPU), Optional.empty(), 1)).containsExactlyInAnyOrderElementsOf(all.subList(0, 5));
        assertThat(pages(Optional.of(CPU), Optional.of(DAY_2), 2)).containsExactlyInAnyOrder(all.get(1), all.get(3));
        assertThat(pages(Optional.of(new TableName("none")), Optional.empty(), 2))
                .isEmpty();
        List<PartitionSummary> first = catalog().partitions(METRICS, CPU, Optional.empty(), 1);
        List<PartitionSummary> second = catalog().partitions(METRICS, CPU, Optional.of(DAY_1), 10);
        assertThat(first).singleElement().satisfies(partition -> {
            assertThat(partition.key()).isEqualTo(DAY_1);
            assertThat(partition.files()).isEqualTo(3);
            assertThat(partition.rowCount()).isEqualTo(all.get(0).rowCount() * 3);
        });
        assertThat(second)
                .singleElement()
                .satisfies(partition -> assertThat(partition.key()).isEqualTo(DAY_2));
        assertThat(catalog().partitions(METRICS, CPU, Optional.of(DAY_2), 10)).isEmpty();
    }

    private List<FileRecord> pages(Optional<TableName> table, Optional<PartitionKey> partition, int limit)
            throws IOException {
        List<FileRecord> found = new ArrayList<>();
        List<FileRecord> page = catalog().files(new FileQuery(METRICS, table, partition, "", limit));
        while (!page.isEmpty()) {
            assertThat(page).hasSizeLessThanOrEqualTo(limit);
            found.addAll(page);
            page = catalog()
                    .files(new FileQuery(
                            METRICS, table, partition, page.getLast().objectName(), limit));
        }
        assertThat(found).isSortedAccordingTo(Comparator.comparing(FileRecord::objectName));
        return found;
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

    /// ARCHITECTURE.md, invariant 3: a commit under an older epoch is refused.
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
}
