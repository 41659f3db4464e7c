package io.sluice.query;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.model.TagPart;
import io.sluice.query.QueryRequest.Order;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import io.sluice.rows.merge.Batches;
import io.sluice.rows.merge.MergeModel;
import io.sluice.rows.merge.RandomWrites;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;

/// Random queries over random rows, beside a plain evaluation over maps: predicates, time range, columns, limit, order,
/// merge, pruning, coalescing and slices. After each round all memory is back.
final class QueryModelTest {
    private static final int ROUNDS = 3_000;
    private static final List<String> VALUES =
            List.of("", "a", "b", "aa", "A", "é", "😀", "z".repeat(70), "nobody has this");
    private static final List<String> EXPRESSIONS = List.of("a", "^a", "b$", "", "z+", "[^a]", "😀", "(?i)^A", "^$");

    /// One table's chunks by day, as maps and as Arrow memory.
    private record Stored(
            TableSchema schema,
            TreeMap<PartitionKey, List<List<Map<String, Object>>>> rows,
            TreeMap<PartitionKey, List<RowBatch>> chunks)
            implements QuerySource, AutoCloseable {
        static Stored of(long seed, Random random, BufferAllocator allocator) {
            RandomWrites writes = RandomWrites.of(seed, 6, random.nextInt(8) == 0 ? 200 : 20);
            TableSchema schema = withTemplate(writes.schema(), random);
            Stored stored = new Stored(schema, new TreeMap<>(), new TreeMap<>());
            long days = 1 + random.nextLong(3);
            for (int i = 0; i < writes.rows().size(); i++) {
                List<ColumnSchema> columns = writes.columns().get(i);
                long day = random.nextLong(days) - 1;
                Map<PartitionKey, List<Map<String, Object>>> byKey = new LinkedHashMap<>();
                for (Map<String, Object> row : writes.rows().get(i)) {
                    row.computeIfPresent(
                            "time", (_, time) -> day * PartitionTemplate.DAY_NS + Math.floorMod((Long) time, 11));
                    List<TagPart> parts = schema.template().tags().stream()
                            .map(tag -> TagPart.of(Optional.ofNullable((String) row.get(tag.value()))))
                            .toList();
                    byKey.computeIfAbsent(schema.template().key(day, parts), _ -> new ArrayList<>())
                            .add(row);
                }
                byKey.forEach((key, rows) -> {
                    stored.rows.computeIfAbsent(key, _ -> new ArrayList<>()).add(rows);
                    stored.chunks
                            .computeIfAbsent(key, _ -> new ArrayList<>())
                            .add(Batches.batch(allocator, columns, rows, random));
                });
            }
            return stored;
        }

        /// Half of the tables are cut by a tag, too, if they have one.
        private static TableSchema withTemplate(TableSchema schema, Random random) {
            Optional<ColumnName> tag = schema.columns().stream()
                    .filter(column -> column.kind() == ColumnKind.TAG)
                    .map(ColumnSchema::name)
                    .findFirst();
            return tag.isEmpty() || random.nextBoolean()
                    ? schema
                    : new TableSchema(
                            schema.namespace(),
                            schema.table(),
                            schema.tableId(),
                            new PartitionTemplate("%Y-%m-%d|tag:" + tag.get()),
                            schema.columns());
        }

        @Override
        public Optional<TableScan> scan(NamespaceName namespace, TableName table) {
            List<Partition> partitions = new ArrayList<>();
            chunks.forEach((key, batches) -> partitions.add(new Day(key, batches)));
            return Optional.of(new Scan(schema, new IngesterId(new UUID(0, 1)), new SequenceNumber(9), partitions));
        }

        @Override
        public List<TableSchema> tables() {
            return List.of(schema);
        }

        @Override
        public void close() {
            chunks.values().forEach(batches -> batches.forEach(RowBatch::close));
        }
    }

    private record Scan(
            TableSchema schema, IngesterId ingester, SequenceNumber asOf, List<QuerySource.Partition> partitions)
            implements QuerySource.TableScan {
        private Scan {
            partitions = List.copyOf(partitions);
        }
    }

    private record Day(PartitionKey key, List<RowBatch> batches) implements QuerySource.Partition {
        @Override
        public QuerySource.PartitionRows read(TimeRange times) {
            List<RowBatch> shared = batches.stream()
                    .filter(batch -> times.overlaps(batch.minTimeNs(), batch.maxTimeNs()))
                    .map(batch -> batch.share(batch.rowCount()))
                    .toList();
            return new QuerySource.PartitionRows(new SequenceNumber(3), shared, batches.size() - shared.size());
        }
    }

    private static QueryRequest request(TableSchema schema, Random random) {
        List<ColumnName> columns = new ArrayList<>();
        if (random.nextBoolean()) {
            schema.columns().forEach(column -> columns.add(column.name()));
            Collections.shuffle(columns, random);
            columns.subList(random.nextInt(columns.size()) + 1, columns.size()).clear();
        }
        List<ColumnName> tags = schema.columns().stream()
                .filter(column -> column.kind() == ColumnKind.TAG)
                .map(ColumnSchema::name)
                .toList();
        List<TagPredicate> predicates = new ArrayList<>();
        for (int i = tags.isEmpty() ? 0 : random.nextInt(3); i > 0; i--) {
            ColumnName tag = tags.get(random.nextInt(tags.size()));
            predicates.add(
                    random.nextBoolean()
                            ? new TagPredicate.OneOf(
                                    tag, random.nextBoolean(), Set.of(any(VALUES, random), "b" + random.nextInt(2)))
                            : TagPredicate.Matching.of(tag, random.nextBoolean(), any(EXPRESSIONS, random)));
        }
        long startNs = random.nextBoolean() ? Long.MIN_VALUE : time(random);
        long endNs = random.nextBoolean() ? Long.MAX_VALUE : Math.max(startNs, time(random));
        return new QueryRequest(
                schema.namespace(),
                schema.table(),
                columns,
                startNs,
                endNs,
                predicates,
                random.nextInt(3) == 0 ? OptionalLong.of(1 + random.nextLong(30)) : OptionalLong.empty(),
                random.nextBoolean() ? Order.TIME : Order.NATURAL,
                random.nextBoolean(),
                false);
    }

    private static long time(Random random) {
        return (random.nextLong(4) - 1) * PartitionTemplate.DAY_NS + random.nextLong(12);
    }

    private static String any(List<String> of, Random random) {
        return of.get(random.nextInt(of.size()));
    }

    /// What the query has to answer, as plainly as can be.
    private static List<Map<String, Object>> expected(Stored stored, QueryRequest request) {
        SortKey sortKey = new SortKey(stored.schema().columns().stream()
                .filter(column -> column.kind() == ColumnKind.TAG)
                .map(ColumnSchema::name)
                .toList());
        List<Map<String, Object>> answer = new ArrayList<>();
        for (List<List<Map<String, Object>>> day : stored.rows().values()) {
            List<Map<String, Object>> rows = day.stream()
                    .flatMap(List::stream)
                    .filter(row -> matches(row, request))
                    .toList();
            if (request.isMerged()) {
                rows = MergeModel.merge(sortKey, List.of(rows));
            }
            if (request.order() == Order.TIME) {
                rows = rows.stream()
                        .sorted(Comparator.comparing(row -> (Long) row.getOrDefault("time", 0L)))
                        .toList();
            }
            answer.addAll(rows);
        }
        List<String> shown = request.columns().stream().map(ColumnName::value).toList();
        return answer.stream()
                .limit(request.limit().orElse(Long.MAX_VALUE))
                .map(row -> {
                    Map<String, Object> cut = new HashMap<>(row);
                    if (!shown.isEmpty()) {
                        cut.keySet().retainAll(shown);
                    }
                    return cut;
                })
                .toList();
    }

    private static boolean matches(Map<String, Object> row, QueryRequest request) {
        long timeNs = (Long) row.getOrDefault("time", 0L);
        if (timeNs < request.startNs() || timeNs >= request.endNs()) {
            return false;
        }
        for (TagPredicate predicate : request.predicates()) {
            Optional<String> value =
                    Optional.ofNullable((String) row.get(predicate.column().value()));
            boolean holds = switch (predicate) {
                case TagPredicate.OneOf oneOf ->
                    value.isPresent() && oneOf.values().contains(value.get());
                case TagPredicate.Matching matching ->
                    value.isPresent()
                            && Pattern.compile(matching.pattern().pattern())
                                    .matcher(value.get())
                                    .find();
            };
            if (holds == predicate.isNegated()) {
                return false;
            }
        }
        return true;
    }

    private static List<Map<String, Object>> actual(QueryStream stream, BatchLimits limits, BufferAllocator allocator) {
        List<Map<String, Object>> rows = new ArrayList<>();
        while (stream.next()) {
            try (LoadedBatch batch = LoadedBatch.of(stream, allocator)) {
                assertThat(batch.rows().getRowCount()).isLessThanOrEqualTo(limits.maxRows());
                assertThat(stream.metadata().getPersistedThrough()).isEqualTo(3);
                rows.addAll(batch.toMaps(stream.dictionaries()));
            }
        }
        return rows;
    }

    /// In half of the rounds so small that columns are plain.
    private static DictionaryBounds bounds(Random random) {
        int anyValues = 1 + random.nextInt(6);
        return random.nextBoolean()
                ? DictionaryBounds.STANDARD
                : new DictionaryBounds(anyValues, anyValues + random.nextInt(4), 1 + random.nextLong(100));
    }

    @Test
    void everyQueryAnswersAsAPlainEvaluationDoes() throws Exception {
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        long answered = 0;
        for (long seed = 0; seed < ROUNDS; seed++) {
            Random random = new Random(seed);
            BatchLimits limits =
                    new BatchLimits(1 + random.nextInt(100), 1 + random.nextLong(2_000), 1 + random.nextInt(40));
            try (RootAllocator allocator = new RootAllocator();
                    BufferAllocator sending = allocator.newChildAllocator("query", 0, Long.MAX_VALUE);
                    Stored stored = Stored.of(seed, random, allocator)) {
                BufferQueryExec queries = new BufferQueryExec(stored, limits, bounds(random), sending, metrics);
                for (int query = 0; query < 5; query++) {
                    QueryRequest request = request(stored.schema(), random);
                    try (QueryStream stream = queries.execute(request)) {
                        List<Map<String, Object>> rows = actual(stream, limits, allocator);
                        assertThat(rows)
                                .as("seed %d, query %d: %s", seed, query, request)
                                .isEqualTo(expected(stored, request));
                        answered += rows.size();
                    }
                }
            }
        }
        assertThat(answered).isGreaterThan(10L * ROUNDS);
        assertThat(metrics.get("sluice.query.plain.columns").counter().count()).isGreaterThan(ROUNDS);
        assertThat(metrics.get("sluice.query.chunks")
                        .tag("result", "pruned")
                        .counter()
                        .count())
                .isPositive();
        assertThat(metrics.get("sluice.query.partitions")
                        .tag("result", "pruned_by_tag")
                        .counter()
                        .count())
                .isPositive();
        assertThat(metrics.get("sluice.query.partitions")
                        .tag("result", "pruned")
                        .counter()
                        .count())
                .isPositive();
    }

    /// A stream that is let go of after any number of batches, or that finds no memory anywhere, keeps nothing.
    @Test
    void aStreamThatEndsEarlyOrFindsNoMemoryReleasesEverything() throws Exception {
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        int failed = 0;
        int broken = 0;
        for (long seed = 0; seed < 1_500; seed++) {
            Random random = new Random(seed);
            BatchLimits limits = new BatchLimits(1 + random.nextInt(10), 1_000, 1 + random.nextInt(10));
            try (RootAllocator allocator = new RootAllocator();
                    BufferAllocator sending =
                            allocator.newChildAllocator("query", 0, 1 + random.nextLong(random.nextLong(1, 40_000)));
                    Stored stored = Stored.of(seed, random, allocator)) {
                BufferQueryExec queries = new BufferQueryExec(stored, limits, bounds(random), sending, metrics);
                QueryRequest request = request(stored.schema(), random);
                try (QueryStream stream = queries.execute(request)) {
                    int batches = random.nextInt(4);
                    while (batches > 0 && stream.next()) {
                        batches--;
                    }
                    broken += batches == 0 ? 1 : 0;
                } catch (org.apache.arrow.memory.OutOfMemoryException e) {
                    failed++;
                }
                assertThat(sending.getAllocatedMemory())
                        .as("seed %d: %s", seed, request)
                        .isZero();
            }
        }
        assertThat(failed).isGreaterThan(100);
        assertThat(broken).isGreaterThan(100);
        assertThat(metrics.get("sluice.query.plain.columns").counter().count()).isGreaterThan(20);
    }
}
