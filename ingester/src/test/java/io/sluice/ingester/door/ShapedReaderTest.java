package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.sluice.ingester.door.DecodedRows.TagValue;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.proto.v1.WriteRequest;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// What the reader takes must be what [WriteDecoder] takes, with the same rows.
final class ShapedReaderTest {
    private static final long FIRST_SEED = 300;

    private final ShapedReader reader = new ShapedReader();

    private static Map<String, List<Map<String, Object>>> rows(ShapedReader reader) {
        Map<String, List<Map<String, Object>>> tables = new TreeMap<>();
        for (ShapedRows table : reader.tables()) {
            List<Map<String, Object>> rows = new ArrayList<>();
            long min = Long.MAX_VALUE;
            long max = Long.MIN_VALUE;
            for (int row = 0; row < table.rowCount(); row++) {
                Map<String, Object> values = new TreeMap<>();
                List<ColumnSchema> columns = table.shape().columns();
                for (int i = 0; i < columns.size(); i++) {
                    if (table.isPresent(i, row)) {
                        values.put(columns.get(i).name().value(), value(table, i, columns.get(i), row));
                    } else {
                        assertThat(table.isWithoutNulls(i)).isFalse();
                    }
                }
                min = Math.min(min, table.timeNs(row));
                max = Math.max(max, table.timeNs(row));
                rows.add(values);
            }
            assertThat(table.minTimeNs()).isEqualTo(min);
            assertThat(table.maxTimeNs()).isEqualTo(max);
            tables.put(table.shape().table().value(), rows);
        }
        return tables;
    }

    private static Object value(ShapedRows rows, int column, ColumnSchema schema, int row) {
        if (schema.kind() == ColumnKind.TAG) {
            int code = rows.code(column, row);
            assertThat(code).isBetween(0, rows.dictionarySize(column) - 1);
            int at = rows.textAt(column, code);
            int lengthBytes = rows.textBytes(column, code);
            assertThat(rows.textHash(column, code)).isEqualTo(ByteHash.of(rows.request(), at, lengthBytes));
            return new TagValue(new String(rows.request(), at, lengthBytes, StandardCharsets.UTF_8));
        }
        if (schema.type() == ColumnType.STRING) {
            int from = rows.stringOffset(column, row);
            int to = rows.stringOffset(column, row + 1);
            return new String(rows.request(), rows.stringDataAt(column) + from, to - from, StandardCharsets.UTF_8);
        }
        if (schema.type() == ColumnType.BOOL) {
            return rows.isTrue(column, row);
        }
        long number = rows.longAt(rows.numbersAt(column) + row * Long.BYTES);
        return switch (schema.type()) {
            case U64 -> DecodedRows.unsigned(number);
            case F64 -> Double.longBitsToDouble(number);
            case I64, BOOL, STRING -> number;
        };
    }

    @Test
    void whatWasLearnedIsReadWithTheRowsThatTheDecoderSees() throws Exception {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 2_000; seed++) {
            Random random = new Random(seed);
            List<GeneratedTable> tables = new ArrayList<>();
            for (String name : List.of("a", "b", "ü")) {
                if (tables.isEmpty() || random.nextInt(4) == 0) {
                    tables.add(GeneratedTable.of(random, name, random.nextInt(1, 20)));
                }
            }
            byte[] request =
                    GeneratedTable.request(random.nextBoolean() ? "n" : "m", tables.toArray(GeneratedTable[]::new));
            DecodedWrite decoded = WriteDecoder.decode(request);
            if (reader.isFull()) {
                reader.forget();
                assertThat(reader.tryRead(request)).isFalse();
            }
            assertThat(reader.learn(decoded)).isTrue();
            assertThat(reader.tryRead(request)).as("seed %d", seed).isTrue();
            assertThat(rows(reader)).as("seed %d", seed).isEqualTo(DecodedRows.of(decoded));
        }
    }

    @Test
    void aMutatedRequestIsReadAsTheDecoderReadsItOrNotAtAll() throws Exception {
        byte[] valid = Requests.valid()
                .addTables(Requests.cpu().setTable("mem"))
                .build()
                .toByteArray();
        assertThat(reader.learn(WriteDecoder.decode(valid))).isTrue();
        int taken = 0;
        for (long seed = 0; seed < 60_000; seed++) {
            byte[] request = WriteDecoderFuzzTest.mutate(valid, new Random(seed));
            try {
                if (reader.tryRead(request)) {
                    taken++;
                    assertThat(rows(reader)).isEqualTo(DecodedRows.of(WriteDecoder.decode(request)));
                }
            } catch (InvalidWriteException | RuntimeException | AssertionError e) {
                throw new AssertionError(
                        "seed %d: %s".formatted(seed, HexFormat.of().formatHex(request)), e);
            }
        }
        assertThat(taken).isGreaterThan(600);
    }

    /// Lengths that do not fit one another: protobuf would see other fields.
    @Test
    void anInnerLengthThatIsNotTheColumnsIsNotRead() throws Exception {
        byte[] valid = Requests.valid().build().toByteArray();
        assertThat(reader.learn(WriteDecoder.decode(valid))).isTrue();
        int taken = 0;
        for (int at = 0; at < valid.length; at++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] request = valid.clone();
                request[at] ^= (byte) (1 << bit);
                if (reader.tryRead(request)) {
                    taken++;
                    assertThat(rows(reader))
                            .as("byte %d, bit %d", at, bit)
                            .isEqualTo(DecodedRows.of(WriteDecoder.decode(request)));
                }
            }
        }
        assertThat(taken).isPositive();
    }

    @Test
    void aTableThatStandsTwiceIsNotRead() throws Exception {
        byte[] valid = Requests.valid().build().toByteArray();
        assertThat(reader.learn(WriteDecoder.decode(valid))).isTrue();
        WriteRequest.Builder twice = Requests.valid();
        byte[] request = twice.addTables(twice.getTables(0)).build().toByteArray();
        assertThat(reader.tryRead(valid)).isTrue();
        assertThat(reader.tryRead(request)).isFalse();
    }

    /// More shapes of one table than are kept: the latest is there, and looking for one stays cheap.
    @Test
    void ofATableWithEverOtherColumnsTheLatestIsKnown() throws Exception {
        Map<String, byte[]> shapes = new HashMap<>();
        for (long seed = FIRST_SEED; shapes.size() < 60; seed++) {
            byte[] request = GeneratedTable.request("n", GeneratedTable.of(new Random(seed), "a", 1));
            DecodedWrite decoded = WriteDecoder.decode(request);
            assertThat(reader.isFull()).isFalse();
            assertThat(reader.learn(decoded)).isTrue();
            assertThat(reader.tryRead(request)).isTrue();
            shapes.put(decoded.tables().getFirst().columns().toString(), request);
        }
        assertThat(shapes.values().stream().filter(reader::tryRead).count()).isBetween(1L, 16L);
    }

    /// Invariant 7: what is read often costs no memory.
    @Test
    void readingAllocatesNothing() throws Exception {
        byte[] request = GeneratedTable.request("n", GeneratedTable.of(new Random(FIRST_SEED), "a", 10));
        assertThat(reader.learn(WriteDecoder.decode(request))).isTrue();
        assertThat(reader.tryRead(request)).isTrue();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        boolean all = true;
        for (int i = 0; i < 1_000; i++) {
            all &= reader.tryRead(request);
        }
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(all).isTrue();
        assertThat(allocated).isLessThan(1_000L * 64);
    }
}
