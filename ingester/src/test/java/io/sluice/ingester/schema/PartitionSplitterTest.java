package io.sluice.ingester.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.door.DecodedRows.TagValue;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.fixture.BatchRows;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.ingester.schema.PartitionSplitter.PartitionRows;
import io.sluice.model.ColumnName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TagPart;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// The one copy of a write's rows, from the wire into Arrow memory, against rows handled one by one.
final class PartitionSplitterTest {
    private static final long FIRST_SEED = 20_261_121;
    private static final int MAX_COLUMNS = 1 << 18;

    private final RootAllocator allocator = new RootAllocator();

    @AfterEach
    void close() {
        allocator.close();
    }

    private static DecodedTable decode(GeneratedTable table) throws InvalidWriteException {
        return WriteDecoder.decode(GeneratedTable.request("n", table)).tables().getFirst();
    }

    private static GeneratedTable generate(long seed) {
        Random random = new Random(seed);
        int rows = seed % 50 == 0 ? random.nextInt(1, 3_000) : random.nextInt(1, 60);
        return GeneratedTable.of(random, "m", rows);
    }

    @Test
    void everyRowIsInThePartitionOfItsDayWithAllItsValuesInOrder() throws Exception {
        PartitionSplitter splitter = new PartitionSplitter(allocator);
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 400; seed++) {
            GeneratedTable table = generate(seed);
            Map<String, List<Map<String, Object>>> expected = GeneratedTable.byDay(table.rows());
            List<PartitionRows> partitions = splitter.split(decode(table), PartitionTemplate.DAILY, MAX_COLUMNS);
            assertThat(partitions)
                    .as("seed %d: each day once, in order of first appearance", seed)
                    .extracting(partition -> partition.key().value())
                    .containsExactlyElementsOf(expected.keySet());
            for (PartitionRows partition : partitions) {
                List<Map<String, Object>> rows =
                        expected.getOrDefault(partition.key().value(), List.of());
                assertThat(BatchRows.of(partition.batch()))
                        .as("seed %d, partition %s", seed, partition.key())
                        .isEqualTo(rows);
                assertThat(partition.batch().minTimeNs())
                        .isEqualTo(rows.stream()
                                .mapToLong(GeneratedTable::timeNs)
                                .min()
                                .orElseThrow());
                assertThat(partition.batch().maxTimeNs())
                        .isEqualTo(rows.stream()
                                .mapToLong(GeneratedTable::timeNs)
                                .max()
                                .orElseThrow());
                partition.close();
            }
            assertThat(allocator.getAllocatedMemory()).as("seed %d", seed).isZero();
        }
    }

    /// The limit lies at every place in the copy: behind every column, dictionary and partition.
    @Test
    @DisplayName("Invariant 7: memory that runs out in the middle is an error, and all of it comes back")
    void whenMemoryRunsOutInTheMiddleNoneIsKept() throws Exception {
        int failures = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 25; seed++) {
            DecodedTable table = decode(generate(seed));
            long needed;
            try (BufferAllocator unlimited = allocator.newChildAllocator("unlimited", 0, Long.MAX_VALUE)) {
                new PartitionSplitter(unlimited)
                        .split(table, PartitionTemplate.DAILY, MAX_COLUMNS)
                        .forEach(PartitionRows::close);
                needed = unlimited.getPeakMemoryAllocation();
            }
            long step = Math.max(8, needed / 200);
            for (long limit = 0; limit < needed; limit += step) {
                try (BufferAllocator limited = allocator.newChildAllocator("limited", 0, limit)) {
                    assertThatThrownBy(() ->
                                    new PartitionSplitter(limited).split(table, PartitionTemplate.DAILY, MAX_COLUMNS))
                            .as("seed %d, %d of %d bytes", seed, limit, needed)
                            .isInstanceOf(OutOfMemoryException.class);
                    assertThat(limited.getAllocatedMemory())
                            .as("seed %d, %d of %d bytes", seed, limit, needed)
                            .isZero();
                    failures++;
                }
            }
        }
        assertThat(failures).isGreaterThan(1_000);
    }

    @Test
    void theRowsOutliveTheRequest() throws Exception {
        GeneratedTable table = generate(FIRST_SEED);
        byte[] request = GeneratedTable.request("n", table);
        List<PartitionRows> partitions = new PartitionSplitter(allocator)
                .split(WriteDecoder.decode(request).tables().getFirst(), PartitionTemplate.DAILY, MAX_COLUMNS);
        new Random(FIRST_SEED).nextBytes(request);
        Map<String, List<Map<String, Object>>> expected = GeneratedTable.byDay(table.rows());
        for (PartitionRows partition : partitions) {
            assertThat(BatchRows.of(partition.batch()))
                    .isEqualTo(expected.get(partition.key().value()));
            partition.close();
        }
    }

    @Test
    @DisplayName("Invariant 6: a row with many tags takes memory for its values, not a fixed piece for each tag")
    void aSmallWriteWithManyTagsTakesLittleMemory() throws Exception {
        TableBatch.Builder batch = TableBatch.newBuilder()
                .setTable("m")
                .setRowCount(1)
                .addColumns(Column.newBuilder()
                        .setName("time")
                        .setKind(Column.Kind.TIME)
                        .setI64(Int64s.newBuilder().addValues(1)));
        int tags = 100;
        for (int i = 0; i < tags; i++) {
            batch.addColumns(Column.newBuilder()
                    .setName("tag" + i)
                    .setKind(Column.Kind.TAG)
                    .setDictionary(
                            Dictionary.newBuilder().addValues("value" + i).addCodes(0)));
        }
        List<PartitionRows> partitions = new PartitionSplitter(allocator)
                .split(decode(new GeneratedTable(batch.build(), List.of())), PartitionTemplate.DAILY, MAX_COLUMNS);
        assertThat(partitions).singleElement().satisfies(partition -> {
            assertThat(partition.batch().memoryBytes()).isLessThan(tags * 256L);
            partition.close();
        });
    }

    private static Column days(int count) {
        Int64s.Builder values = Int64s.newBuilder();
        for (int day = 0; day < count; day++) {
            values.addValues(day * PartitionTemplate.DAY_NS);
        }
        return Column.newBuilder()
                .setName("time")
                .setKind(Column.Kind.TIME)
                .setI64(values)
                .build();
    }

    /// 1 MiB of tag values and a row for each of a thousand days would be 1 GiB, if each day had all of the values.
    @Test
    @DisplayName("Invariant 7: rows of many days with a large dictionary take memory for the values that they use")
    void eachPartitionHasTheTagValuesOfItsOwnRows() throws Exception {
        int days = 1_000;
        Dictionary.Builder dictionary = Dictionary.newBuilder();
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int day = 0; day < days; day++) {
            String value = day + "x".repeat(1_000);
            dictionary.addValues(value).addCodes(day);
            rows.add(Map.of("time", day * PartitionTemplate.DAY_NS, "tag", new TagValue(value)));
        }
        TableBatch batch = TableBatch.newBuilder()
                .setTable("m")
                .setRowCount(days)
                .addColumns(days(days))
                .addColumns(Column.newBuilder()
                        .setName("tag")
                        .setKind(Column.Kind.TAG)
                        .setDictionary(dictionary))
                .build();
        allocator.setLimit(8 << 20);
        List<PartitionRows> partitions = new PartitionSplitter(allocator)
                .split(decode(new GeneratedTable(batch, rows)), PartitionTemplate.DAILY, MAX_COLUMNS);
        assertThat(partitions).hasSize(days);
        List<Map<String, Object>> found = new ArrayList<>();
        for (PartitionRows partition : partitions) {
            found.addAll(BatchRows.of(partition.batch()));
            partition.close();
        }
        assertThat(found).isEqualTo(rows);
    }

    @Test
    @DisplayName("Invariant 7: rows of more partitions than a write may touch are refused before any copy")
    void tooManyPartitionsAreRefusedWithTheLimit() throws Exception {
        TableBatch batch = TableBatch.newBuilder()
                .setTable("m")
                .setRowCount(30)
                .addColumns(days(30))
                .build();
        DecodedTable table = decode(new GeneratedTable(batch, List.of()));
        new PartitionSplitter(allocator)
                .split(table, PartitionTemplate.DAILY, 30)
                .forEach(PartitionRows::close);
        assertThatThrownBy(() -> new PartitionSplitter(allocator).split(table, PartitionTemplate.DAILY, 29))
                .isInstanceOf(InvalidWriteException.class)
                .hasMessageContainingAll("'m'", "30 partitions", "1 column", "29");
    }

    /// Against the plain way: the key of each row by itself. Dictionaries have values twice and values that no row
    /// uses.
    @Test
    void rowsGoToThePartitionOfTheirTimeAndTags() throws Exception {
        List<String> values = List.of("a", "b", "", "a|b", "a", "unused", "x".repeat(100));
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 200; seed++) {
            var random = new Random(seed);
            int rowCount = 1 + random.nextInt(60);
            PartitionTemplate template =
                    new PartitionTemplate(List.of("%Y-%m-%dT%H|tag:a|tag:b", "tag:b", "tag:b|tag:absent|%Y")
                            .get((int) (seed % 3)));
            int runs = 1 + random.nextInt(10);
            Int64s.Builder times = Int64s.newBuilder();
            Map<String, List<Long>> expected = new LinkedHashMap<>();
            Dictionary.Builder[] tags = {
                Dictionary.newBuilder().addAllValues(values),
                Dictionary.newBuilder().addAllValues(values)
            };
            byte[] validity = new byte[(rowCount + 7) / 8];
            random.nextBytes(validity);
            long hour = 0;
            int[] codes = new int[2];
            for (int row = 0; row < rowCount; row++) {
                if (random.nextInt(runs) == 0) {
                    hour = random.nextInt(3);
                    codes[random.nextInt(2)] = List.of(0, 1, 2, 3, 4, 6).get(random.nextInt(6));
                }
                long timeNs = hour * 3_600_000_000_000L + row;
                times.addValues(timeNs);
                tags[0].addCodes(codes[0]);
                tags[1].addCodes(codes[1]);
                boolean isPresent = (validity[row >> 3] >> (row & 7) & 1) != 0;
                List<TagPart> parts = new ArrayList<>();
                for (ColumnName tag : template.tags()) {
                    parts.add(TagPart.of(
                            switch (tag.value()) {
                                case "a" -> Optional.of(values.get(codes[0]));
                                case "b" -> isPresent ? Optional.of(values.get(codes[1])) : Optional.empty();
                                default -> Optional.empty();
                            }));
                }
                expected.computeIfAbsent(
                                template.key(template.slot(timeNs), parts).value(), _ -> new ArrayList<>())
                        .add(timeNs);
            }
            TableBatch batch = TableBatch.newBuilder()
                    .setTable("m")
                    .setRowCount(rowCount)
                    .addColumns(Column.newBuilder()
                            .setName("time")
                            .setKind(Column.Kind.TIME)
                            .setI64(times))
                    .addColumns(Column.newBuilder()
                            .setName("a")
                            .setKind(Column.Kind.TAG)
                            .setDictionary(tags[0]))
                    .addColumns(Column.newBuilder()
                            .setName("b")
                            .setKind(Column.Kind.TAG)
                            .setValidity(com.google.protobuf.ByteString.copyFrom(validity))
                            .setDictionary(tags[1]))
                    .build();
            DecodedTable table = decode(new GeneratedTable(batch, List.of()));
            Map<String, List<Long>> found = new LinkedHashMap<>();
            for (PartitionRows partition : new PartitionSplitter(allocator).split(table, template, MAX_COLUMNS)) {
                List<Long> timestamps = BatchRows.of(partition.batch()).stream()
                        .map(row -> (Long) row.get("time"))
                        .toList();
                found.put(partition.key().value(), timestamps);
                partition.close();
            }
            assertThat(found).as("seed %d", seed).isEqualTo(expected);
            assertThat(found.keySet()).as("seed %d", seed).containsExactlyElementsOf(expected.keySet());
            assertThat(PartitionRouter.partitions(table, template))
                    .as("seed %d", seed)
                    .extracting(key -> key.value())
                    .containsExactlyElementsOf(expected.keySet());
        }
    }
}
