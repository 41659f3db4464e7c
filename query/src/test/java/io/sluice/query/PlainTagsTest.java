package io.sluice.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.query.QueryRequest.Order;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Tags with too many values for a dictionary, in a table of a tag `id`, which has many, and a tag `host`, which has
/// two.
final class PlainTagsTest {
    private static final ColumnSchema ID = ColumnSchema.tag("id");
    private static final ColumnSchema HOST = ColumnSchema.tag("host");
    private static final ColumnSchema NOTE = ColumnSchema.field("note", ColumnType.STRING);
    private static final TableSchema SCHEMA = new TableSchema(
            new NamespaceName("metrics"),
            new TableName("requests"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(ColumnSchema.TIME, ID, HOST, NOTE));
    /// Up to 4 values in any case, up to 8 if they are at most half of the rows.
    private static final DictionaryBounds FOUR_TO_EIGHT = new DictionaryBounds(4, 8, 100);

    private static final BatchLimits ARBITRARY_LIMITS = new BatchLimits(1_000, 1 << 20, 2);

    private final RootAllocator allocator = new RootAllocator();
    private final BufferAllocator sending = allocator.newChildAllocator("query", 0, Long.MAX_VALUE);
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final Chunks source = new Chunks(allocator, new TreeMap<>());

    @AfterEach
    void everythingIsReleased() {
        source.close();
        sending.close();
        allocator.close();
    }

    /// Chunks by day.
    private record Chunks(BufferAllocator allocator, TreeMap<Long, List<RowBatch>> days)
            implements QuerySource, AutoCloseable {
        /// Adds a chunk whose hosts are `a` and `b` in turn; the row at a place has the time of `firstNs` and its
        /// place. A null is no value.
        void add(long day, long firstNs, List<String> ids) {
            add(day, firstNs, ids, true);
        }

        void addWithoutIds(long day, long firstNs, int rows) {
            add(day, firstNs, Collections.nCopies(rows, ""), false);
        }

        private void add(long day, long firstNs, List<String> ids, boolean withIds) {
            long dayNs = day * PartitionTemplate.DAY_NS + firstNs;
            var time = (TimeStampNanoTZVector) RowColumn.newVector(ColumnSchema.TIME, allocator);
            List<String> hosts = new ArrayList<>();
            for (int i = 0; i < ids.size(); i++) {
                time.setSafe(i, dayNs + i);
                hosts.add(i % 2 == 0 ? "a" : "b");
            }
            time.setValueCount(ids.size());
            List<RowColumn> columns =
                    new ArrayList<>(List.of(new RowColumn.Plain(ColumnSchema.TIME, time), tag(HOST, hosts)));
            if (withIds) {
                columns.add(tag(ID, ids));
            }
            days.computeIfAbsent(day, _ -> new ArrayList<>())
                    .add(new RowBatch(columns, ids.size(), dayNs, dayNs + ids.size() - 1));
        }

        /// An empty value is null, and its code would be of no value.
        private RowColumn.Tag tag(ColumnSchema column, List<String> values) {
            IntVector codes = new IntVector(column.name().value(), allocator);
            VarCharVector dictionary = new VarCharVector(column.name().value(), allocator);
            Map<String, Integer> known = new HashMap<>();
            for (int i = 0; i < values.size(); i++) {
                String value = values.get(i);
                if (value.isEmpty()) {
                    codes.setSafe(i, 1_000_000);
                    codes.setNull(i);
                } else {
                    Integer code = known.putIfAbsent(value, known.size());
                    if (code == null) {
                        dictionary.setSafe(known.size() - 1, value.getBytes(StandardCharsets.UTF_8));
                    }
                    codes.setSafe(i, code == null ? known.size() - 1 : code);
                }
            }
            codes.setValueCount(values.size());
            dictionary.setValueCount(known.size());
            return new RowColumn.Tag(column, codes, dictionary);
        }

        @Override
        public Optional<TableScan> scan(NamespaceName namespace, TableName table) {
            List<Partition> partitions = new ArrayList<>();
            days.forEach(
                    (day, chunks) -> partitions.add(new Day(SCHEMA.template().key(day), chunks)));
            return Optional.of(new Scan(partitions));
        }

        @Override
        public List<TableSchema> tables() {
            return List.of(SCHEMA);
        }

        @Override
        public void close() {
            days.values().forEach(chunks -> chunks.forEach(RowBatch::close));
        }
    }

    private record Scan(List<QuerySource.Partition> partitions) implements QuerySource.TableScan {
        @Override
        public TableSchema schema() {
            return SCHEMA;
        }

        @Override
        public IngesterId ingester() {
            return new IngesterId(new UUID(0, 1));
        }

        @Override
        public SequenceNumber asOf() {
            return new SequenceNumber(1);
        }
    }

    private record Day(PartitionKey key, List<RowBatch> chunks) implements QuerySource.Partition {
        @Override
        public QuerySource.PartitionRows read(TimeRange times) {
            return new QuerySource.PartitionRows(
                    SequenceNumber.NONE,
                    chunks.stream().map(chunk -> chunk.share(chunk.rowCount())).toList(),
                    0);
        }
    }

    private static List<String> ids(int from, int count) {
        return IntStream.range(from, from + count).mapToObj(i -> "id-" + i).toList();
    }

    private static QueryRequest request(List<ColumnSchema> columns, List<TagPredicate> predicates, Order order) {
        return new QueryRequest(
                SCHEMA.namespace(),
                SCHEMA.table(),
                columns.stream().map(ColumnSchema::name).toList(),
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                predicates,
                OptionalLong.empty(),
                order,
                false,
                false);
    }

    private static QueryRequest all() {
        return request(List.of(), List.of(), Order.NATURAL);
    }

    private static TagPredicate isOneOf(ColumnSchema column, String... values) {
        return new TagPredicate.OneOf(column.name(), false, Set.of(values));
    }

    private QueryStream execute(QueryRequest request, BatchLimits limits, DictionaryBounds bounds) throws Exception {
        return new BufferQueryExec(source, limits, bounds, sending, metrics).execute(request);
    }

    private QueryStream execute(QueryRequest request) throws Exception {
        return execute(request, ARBITRARY_LIMITS, FOUR_TO_EIGHT);
    }

    private List<Map<String, Object>> rows(QueryStream stream) {
        List<Map<String, Object>> rows = new ArrayList<>();
        while (stream.next()) {
            try (LoadedBatch batch = LoadedBatch.of(stream, allocator)) {
                rows.addAll(batch.toMaps(stream.dictionaries()));
            }
        }
        return rows;
    }

    private List<String> values(QueryStream stream, ColumnSchema column) {
        return rows(stream).stream()
                .map(row -> Objects.toString(row.get(column.name().value()), ""))
                .toList();
    }

    private static boolean isPlain(QueryStream stream, ColumnSchema column) {
        Field field = stream.schema().findField(column.name().value());
        assertThat(field.getType()).isEqualTo(ArrowType.Utf8.INSTANCE);
        return field.getDictionary() == null;
    }

    private double plainColumns() {
        return metrics.get("sluice.query.plain.columns").counter().count();
    }

    @Test
    void aTagOfManyValuesIsPlainAndOneOfFewKeepsItsDictionary() throws Exception {
        source.add(0, 0, ids(0, 10));
        try (QueryStream stream = execute(all())) {
            assertThat(isPlain(stream, ID)).isTrue();
            assertThat(isPlain(stream, HOST)).isFalse();
            assertThat(stream.dictionaries().getDictionaryIds()).containsExactly(2L);
            assertThat(rows(stream))
                    .hasSize(10)
                    .startsWith(
                            Map.of("time", 0L, "id", "id-0", "host", "a"),
                            Map.of("time", 1L, "id", "id-1", "host", "b"));
        }
        assertThat(plainColumns()).isEqualTo(1);
    }

    private boolean isPlain(DictionaryBounds bounds, List<String> ids) throws Exception {
        try (Chunks only = new Chunks(allocator, new TreeMap<>())) {
            only.add(0, 0, ids);
            try (QueryStream stream =
                    new BufferQueryExec(only, ARBITRARY_LIMITS, bounds, sending, metrics).execute(all())) {
                assertThat(values(stream, ID)).isEqualTo(ids);
                return isPlain(stream, ID);
            }
        }
    }

    private static List<String> repeated(int times, List<String> ids) {
        return Collections.nCopies(times, ids).stream().flatMap(List::stream).toList();
    }

    @Test
    void bothSidesOfEachBound() throws Exception {
        assertThat(isPlain(FOUR_TO_EIGHT, ids(0, 4))).isFalse();
        assertThat(isPlain(FOUR_TO_EIGHT, ids(0, 5))).isTrue();
        assertThat(isPlain(FOUR_TO_EIGHT, repeated(2, ids(0, 5)))).isFalse();
        assertThat(isPlain(FOUR_TO_EIGHT, repeated(9, ids(0, 8)))).isFalse();
        assertThat(isPlain(FOUR_TO_EIGHT, repeated(9, ids(0, 9)))).isTrue();
        assertThat(isPlain(FOUR_TO_EIGHT, List.of("x".repeat(99), "y"))).isFalse();
        assertThat(isPlain(FOUR_TO_EIGHT, List.of("x".repeat(99), "yy"))).isTrue();
        assertThat(plainColumns()).isEqualTo(3);
    }

    @Test
    void theStandardBoundsAreThoseOfTheIndexOfAMillionAndOf16MiB() throws Exception {
        assertThat(isPlain(DictionaryBounds.STANDARD, ids(0, 65_536))).isFalse();
        assertThat(isPlain(DictionaryBounds.STANDARD, ids(0, 65_537))).isTrue();
        assertThat(isPlain(DictionaryBounds.STANDARD, repeated(2, ids(0, 65_537))))
                .isFalse();
        DictionaryBounds standard = DictionaryBounds.STANDARD;
        assertThat(standard.arePassed(1_048_576, 16 << 20, 1L << 40)).isFalse();
        assertThat(standard.arePassed(1_048_577, 1, 1L << 40)).isTrue();
        assertThat(standard.arePassed(1, (16 << 20) + 1, 1L << 40)).isTrue();
    }

    @Test
    void boundsThatContradictOneAnotherAreNotTaken() {
        assertThatThrownBy(() -> new DictionaryBounds(5, 4, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("anyValues is 5, maxValues 4");
    }

    /// Rows whose memory is referred to, and rows that are copied.
    @ParameterizedTest
    @ValueSource(ints = {1, 1_000})
    void nullsStayNullAndChunksWithoutTheTagHaveNone(int minSliceRows) throws Exception {
        List<String> ids = new ArrayList<>(ids(0, 7));
        Collections.addAll(ids, "", "é", "", "");
        source.addWithoutIds(0, 0, 2);
        source.add(0, 2, ids);
        source.addWithoutIds(0, 13, 3);
        source.add(0, 16, ids(3, 4));
        List<String> expected = new ArrayList<>(List.of("", ""));
        expected.addAll(ids);
        expected.addAll(List.of("", "", ""));
        expected.addAll(ids(3, 4));
        for (Order order : Order.values()) {
            try (QueryStream stream = execute(
                    request(List.of(), List.of(), order), new BatchLimits(5, 1 << 20, minSliceRows), FOUR_TO_EIGHT)) {
                assertThat(isPlain(stream, ID)).isTrue();
                assertThat(values(stream, ID)).isEqualTo(expected);
            }
        }
    }

    @Test
    void whatOnlyTheSecondPartitionTellsHoldsForTheFirst() throws Exception {
        source.add(0, 0, ids(0, 3));
        source.add(1, 0, ids(2, 6));
        source.add(2, 0, ids(0, 1));
        try (QueryStream stream = execute(all())) {
            assertThat(isPlain(stream, ID)).isTrue();
            List<String> expected = new ArrayList<>(ids(0, 3));
            expected.addAll(ids(2, 6));
            expected.addAll(ids(0, 1));
            assertThat(values(stream, ID)).isEqualTo(expected);
        }
    }

    @Test
    void mergedRowsHaveTheirPlainTags() throws Exception {
        source.add(0, 0, ids(0, 10));
        source.add(0, 0, ids(0, 10));
        source.addWithoutIds(0, 4, 2);
        QueryRequest merged = new QueryRequest(
                SCHEMA.namespace(),
                SCHEMA.table(),
                List.of(HOST.name(), ID.name()),
                3,
                6,
                List.of(),
                OptionalLong.empty(),
                Order.TIME,
                true,
                false);
        try (QueryStream stream = execute(merged)) {
            assertThat(isPlain(stream, ID)).isTrue();
            assertThat(rows(stream))
                    .containsExactlyInAnyOrder(
                            Map.of("id", "id-3", "host", "b"),
                            Map.of("id", "id-4", "host", "a"),
                            Map.of("host", "a"),
                            Map.of("id", "id-5", "host", "b"),
                            Map.of("host", "b"));
        }
    }

    @Test
    void aPredicateOnThePlainTagIsExactAndFewOfItsValuesKeepADictionary() throws Exception {
        source.add(0, 0, ids(0, 20));
        TagPredicate ending = TagPredicate.Matching.of(ID.name(), false, "[0-5]$");
        try (QueryStream stream = execute(request(List.of(ID), List.of(ending), Order.NATURAL))) {
            assertThat(isPlain(stream, ID)).isTrue();
            assertThat(values(stream, ID))
                    .isEqualTo(ids(0, 20).stream()
                            .filter(id -> id.matches(".*[0-5]"))
                            .toList());
        }
        try (QueryStream stream = execute(request(List.of(ID), List.of(isOneOf(ID, "id-3", "id-17")), Order.NATURAL))) {
            assertThat(isPlain(stream, ID)).isFalse();
            assertThat(values(stream, ID)).containsExactly("id-3", "id-17");
        }
    }

    @Test
    void aTagThatIsNotAskedForIsNotLookedAt() throws Exception {
        source.add(0, 0, ids(0, 20));
        try (QueryStream stream = execute(request(List.of(HOST), List.of(), Order.NATURAL))) {
            assertThat(values(stream, HOST)).hasSize(20);
        }
        assertThat(plainColumns()).isZero();
    }

    @Test
    void aSmallAnswerThatIsMadeAheadKeepsItsDictionary() throws Exception {
        source.add(0, 0, ids(0, 20));
        try (QueryStream stream = execute(request(List.of(), List.of(isOneOf(HOST, "a")), Order.NATURAL))) {
            assertThat(isPlain(stream, ID)).isFalse();
            assertThat(values(stream, ID)).hasSize(10).startsWith("id-0", "id-2");
        }
    }

    /// Batches that were made ahead have codes; when the tag turns out to be plain, they are made anew.
    @Test
    void whatWasMadeAheadIsMadeAnewWhenATagBecomesPlain() throws Exception {
        List<String> ids = new ArrayList<>(ids(0, 20));
        ids.addAll(repeated(10, ids(0, 40)));
        ids.addAll(ids(1_000, 300));
        source.add(0, 0, ids.subList(0, 20));
        source.add(1, 0, ids.subList(20, 420));
        source.add(2, 0, ids.subList(420, 720));
        BatchLimits small = new BatchLimits(3, 1 << 20, 2);
        for (Order order : Order.values()) {
            try (QueryStream stream = execute(
                    request(List.of(), List.of(isOneOf(HOST, "b")), order),
                    small,
                    new DictionaryBounds(100, 120, 4_000))) {
                assertThat(isPlain(stream, ID)).isTrue();
                assertThat(values(stream, ID))
                        .isEqualTo(IntStream.range(0, ids.size())
                                .filter(i -> i % 2 == 1)
                                .mapToObj(ids::get)
                                .toList());
            }
        }
    }

    @Test
    void aLimitCountsFromTheFirstRowAgainWhenBatchesAreMadeAnew() throws Exception {
        source.add(0, 0, ids(0, 1_000));
        QueryRequest limited = new QueryRequest(
                SCHEMA.namespace(),
                SCHEMA.table(),
                List.of(ID.name()),
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                List.of(isOneOf(HOST, "a")),
                OptionalLong.of(300),
                Order.NATURAL,
                false,
                false);
        try (QueryStream stream = execute(limited, new BatchLimits(3, 1 << 20, 2), FOUR_TO_EIGHT)) {
            assertThat(isPlain(stream, ID)).isTrue();
            assertThat(values(stream, ID))
                    .hasSize(300)
                    .startsWith("id-0", "id-2")
                    .endsWith("id-598");
        }
    }

    /// A row has 8 bytes of time, 4 of the host's code, twice 4 of an offset and 1 of bits.
    @ParameterizedTest
    @ValueSource(ints = {1, 1_000})
    void theTextOfPlainTagsCountsInABatch(int minSliceRows) throws Exception {
        List<String> ids = IntStream.range(0, 30)
                .mapToObj(i -> "x".repeat(90 + i % 2) + (10 + i))
                .toList();
        source.add(0, 0, ids);
        for (Order order : Order.values()) {
            BatchLimits limits = new BatchLimits(1_000, 7 * (92 + 93 + 2 * 21), minSliceRows);
            try (QueryStream stream = execute(request(List.of(), List.of(), order), limits, FOUR_TO_EIGHT)) {
                List<Integer> counts = new ArrayList<>();
                List<String> values = new ArrayList<>();
                while (stream.next()) {
                    try (LoadedBatch batch = LoadedBatch.of(stream, allocator)) {
                        counts.add(batch.rows().getRowCount());
                        batch.toMaps(stream.dictionaries()).forEach(row -> values.add(String.valueOf(row.get("id"))));
                    }
                }
                assertThat(counts).as("%s", order).containsExactly(14, 14, 2);
                assertThat(values).isEqualTo(ids);
            }
        }
    }

    @Test
    void whatWasGatheredIsLetGoOfBeforeTheStreamBegins() throws Exception {
        source.add(0, 0, ids(0, 1_000));
        try (QueryStream stream = execute(request(List.of(ID), List.of(), Order.NATURAL))) {
            assertThat(isPlain(stream, ID)).isTrue();
            assertThat(sending.getAllocatedMemory()).isZero();
        }
    }

    @Test
    void aBatchOutlivesItsStreamThatIsCancelled() throws Exception {
        source.add(0, 0, ids(0, 40));
        OutBatch batch;
        try (QueryStream stream = execute(request(List.of(ID), List.of(), Order.NATURAL))) {
            assertThat(stream.next()).isTrue();
            batch = stream.takeBatch();
        }
        try (batch) {
            assertThat(batch.rowCount()).isEqualTo(40);
            assertThat(batch.buffers().get(2).lengthBytes()).isEqualTo(10 * 4 + 30 * 5);
        }
        assertThat(sending.getAllocatedMemory()).isZero();
    }
}
