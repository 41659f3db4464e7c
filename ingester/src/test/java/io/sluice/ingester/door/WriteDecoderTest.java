package io.sluice.ingester.door;

import static io.sluice.ingester.door.Requests.bytes;
import static io.sluice.ingester.door.Requests.cpu;
import static io.sluice.ingester.door.Requests.field;
import static io.sluice.ingester.door.Requests.host;
import static io.sluice.ingester.door.Requests.strings;
import static io.sluice.ingester.door.Requests.time;
import static io.sluice.ingester.door.Requests.valid;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.PartitionTemplate;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Float64s;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class WriteDecoderTest {
    private static final String CPU = "namespace 'metrics', table 'cpu'";

    @Test
    void aRequestOfTheStandardEncoderIsReadInFull() throws InvalidWriteException {
        WriteRequest request = valid().build();

        DecodedWrite write = WriteDecoder.decode(request.toByteArray());

        assertThat(write.namespace().value()).isEqualTo("metrics");
        assertThat(write.rowCount()).isEqualTo(3);
        assertThat(write.tables().getFirst().columns())
                .extracting(DecodedColumn::schema)
                .containsExactly(
                        ColumnSchema.TIME,
                        ColumnSchema.tag("host"),
                        ColumnSchema.field("i", ColumnType.I64),
                        ColumnSchema.field("u", ColumnType.U64),
                        ColumnSchema.field("f", ColumnType.F64),
                        ColumnSchema.field("b", ColumnType.BOOL),
                        ColumnSchema.field("s", ColumnType.STRING));
        assertThat(DecodedRows.of(write)).isEqualTo(ReferenceRows.of(request));
    }

    @Test
    void packedValuesAreReadOnlyLittleEndianViewsOfTheRequest() throws InvalidWriteException {
        byte[] request = valid().build().toByteArray();
        List<ByteBuffer> buffers = buffers(WriteDecoder.decode(request).tables().getFirst());
        assertThat(buffers).hasSize(11).allSatisfy(buffer -> {
            assertThat(buffer.isReadOnly()).isTrue();
            assertThat(buffer.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
            assertThat(buffer.position()).isZero();
            assertThat(buffer.capacity()).isEqualTo(buffer.limit());
        });
        List<Byte> before = firstBytes(buffers);
        for (int i = 0; i < request.length; i++) {
            request[i] = (byte) ~request[i];
        }
        assertThat(firstBytes(buffers))
                .isEqualTo(before.stream().map(b -> (byte) ~b).toList());
    }

    @Test
    void aValidityThatSaysThatAllRowsArePresentIsLeftOut() throws InvalidWriteException {
        var table = cpu().setColumns(0, time(1, 2, 3).setValidity(bytes(0xFF)))
                .setColumns(2, i64(1, 2, 3).setValidity(bytes(0x07)));
        assertThat(decode(table).columns().getFirst().validity()).isEmpty();
        assertThat(decode(table).columns().get(2).validity()).isEmpty();
    }

    @Test
    void bitmapsMayBePaddedAndAreCutToTheRows() throws InvalidWriteException {
        var table =
                cpu().setColumns(5, field("b").setValidity(bytes(2, 0xFF, 0xFF)).setBools(bytes(2, 0xFF, 0xFF, 0xFF)));
        assertThat(buffers(decode(table)))
                .filteredOn(buffer -> buffer.limit() == 1)
                .hasSize(4);
        assertThat(decode(table).columns().get(5).isPresent(0)).isFalse();
    }

    @Test
    void aColumnWithoutAnyValueIsKept() throws InvalidWriteException {
        var table = cpu().setColumns(2, i64(1, 2, 3).setValidity(bytes(0)));
        DecodedColumn column = decode(table).columns().get(2);
        assertThat(column.schema()).isEqualTo(ColumnSchema.field("i", ColumnType.I64));
        assertThat(column.isPresent(0) || column.isPresent(1) || column.isPresent(2))
                .isFalse();
    }

    @Test
    void nullRowsMayHoldCodesAndStringsThatMeanNothing() throws InvalidWriteException {
        ByteString noUtf8 = bytes('x', 0xFF, 'y');
        var table = cpu().setColumns(
                        6,
                        strings()
                                .setValidity(bytes(0b101))
                                .setStrings(Strings.newBuilder().setData(noUtf8).addAllOffsets(List.of(0, 1, 2, 3))));
        assertThat(DecodedRows.of(write(table)).getOrDefault("cpu", List.of()))
                .extracting(row -> row.getOrDefault("s", "null"))
                .containsExactly("x", "null", "y");
    }

    @Test
    void bitmapsOfEveryLengthAreCounted() throws InvalidWriteException {
        for (int rows = 1; rows < 200; rows++) {
            byte[] bitmap = new byte[(rows + 7) / 8];
            java.util.Arrays.fill(bitmap, (byte) 0xFF);
            for (int nullRow = -1; nullRow < rows; nullRow++) {
                byte[] validity = bitmap.clone();
                if (nullRow >= 0) {
                    validity[nullRow >> 3] &= (byte) ~(1 << (nullRow & 7));
                }
                var table = TableBatch.newBuilder()
                        .setTable("t")
                        .setRowCount(rows)
                        .addColumns(time(new long[rows]))
                        .addColumns(field("b")
                                .setValidity(ByteString.copyFrom(validity))
                                .setBools(ByteString.copyFrom(bitmap)));
                DecodedColumn column = decode(table).columns().get(1);
                assertThat(column.validity().isPresent()).isEqualTo(nullRow >= 0);
            }
        }
    }

    @Test
    void fieldsMayComeInAnyOrderUnpackedInPiecesAndWithUnknownOnesBetween() throws IOException, InvalidWriteException {
        byte[] time = message(out -> {
            out.writeByteArray(
                    4,
                    message(
                            values -> { // i64: a packed piece, one by one, an empty piece, a packed piece
                                values.writeByteArray(1, longs(1));
                                values.writeSFixed64(1, 2);
                                values.writeSFixed64(1, 3);
                                values.writeByteArray(1, new byte[0]);
                                values.writeInt32(77, 5);
                            }));
            out.writeInt32(2, 1);
            out.writeByteArray(4, message(values -> values.writeByteArray(1, longs(4, 5)))); // the same kind: merged
            out.writeInt32(2, Column.Kind.TIME_VALUE); // the last one wins
            out.writeInt32(1, 5); // a known number of another wire type is an unknown field
            out.writeString(1, "not time");
            out.writeString(1, "time");
        });
        byte[] host = message(out -> {
            out.writeByteArray(9, message(dictionary -> {
                dictionary.writeFixed32(2, 1);
                dictionary.writeString(1, "a");
                dictionary.writeFixed32(2, 0);
                dictionary.writeFixed32(2, 0);
            }));
            out.writeByteArray(9, message(dictionary -> {
                dictionary.writeString(1, "b");
                dictionary.writeByteArray(2, new byte[8]);
            }));
            out.writeString(1, "host");
            out.writeInt32(2, Column.Kind.TAG_VALUE);
        });
        byte[] table = message(out -> {
            out.writeByteArray(3, time);
            out.writeUInt32(2, 9);
            out.writeByteArray(3, host);
            out.writeTag(100, WireFormat.WIRETYPE_START_GROUP);
            out.writeInt32(1, 1);
            out.writeTag(100, WireFormat.WIRETYPE_END_GROUP);
            out.writeUInt32(2, 5);
            out.writeString(1, "cpu");
        });
        byte[] request = message(out -> {
            out.writeByteArray(2, table);
            out.writeDouble(9, 0.5);
            out.writeString(1, "metrics");
        });

        DecodedWrite write = WriteDecoder.decode(request);

        assertThat(write.namespace().value()).isEqualTo("metrics");
        assertThat(DecodedRows.of(write)).isEqualTo(ReferenceRows.of(WriteRequest.parseFrom(request)));
        assertThat(DecodedRows.of(write).getOrDefault("cpu", List.of()))
                .extracting(row -> row.get("time"))
                .containsExactly(1L, 2L, 3L, 4L, 5L);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("invalidRequests")
    void anInvalidRequestSaysWhatIsWrongAndWhere(WriteRequest.Builder request, String message) {
        assertThatThrownBy(() -> WriteDecoder.decode(request.build().toByteArray()))
                .isInstanceOf(InvalidWriteException.class)
                .hasMessage(message);
    }

    static Stream<Arguments> invalidRequests() {
        return Stream.of(
                invalid(valid().clearNamespace(), "namespace is missing: expected 1 to 255 bytes of UTF-8"),
                invalid(
                        valid().setNamespace("a\nb"),
                        "namespace name has the control character U+000A at index 1: expected none"),
                invalid(
                        valid().setNamespace("é".repeat(128)),
                        "namespace name is 256 bytes long: expected at most 255"),
                invalid(valid().clearTables(), "namespace 'metrics': request has no tables: expected 1 to 10,000"),
                invalid(
                        valid().addTables(cpu().clearTable()),
                        "namespace 'metrics', table #2: name is missing: expected 1 to 255 bytes of UTF-8"),
                invalid(
                        valid().addTables(cpu().setTable("\u007f")),
                        "namespace 'metrics', table #2: table name has the control character U+007F at index 0: expected none"),
                invalid(valid().addTables(cpu()), CPU + ": stands twice in the request: expected once"),
                invalid(table(cpu().clearRowCount()), CPU + ": row_count is 0: expected 1 to 16,777,216"),
                invalid(table(cpu().setRowCount(-1)), CPU + ": row_count is 4294967295: expected 1 to 16,777,216"),
                invalid(
                        table(cpu().setRowCount(WriteDecoder.MAX_ROWS + 1)),
                        CPU + ": row_count is 16777217: expected 1 to 16,777,216"),
                invalid(
                        table(cpu().setRowCount(WriteDecoder.MAX_ROWS)),
                        CPU + ", column 'time': has 3 values: expected 16,777,216 for 16,777,216 rows"),
                invalid(
                        table(cpu().removeColumns(0)),
                        CPU + ": column 'time' is missing: expected one of kind TIME with i64 values"),
                invalid(
                        table(cpu().clearColumns()),
                        CPU + ": column 'time' is missing: expected one of kind TIME with i64 values"),
                invalid(
                        column(0, time(1, 2, 3).setValidity(bytes(0b101))),
                        CPU + ", column 'time': is null in row 1: expected a timestamp in every row"),
                invalid(
                        column(0, time(1, 2, 3).setF64(Float64s.newBuilder().addAllValues(List.of(1.0, 2.0, 3.0)))),
                        CPU + ", column 'time': of kind TIME has values of kind f64: expected i64"),
                invalid(
                        column(0, time(1, 2, 3).setKind(Column.Kind.FIELD)),
                        CPU + ", column 'time': column 'time' is a FIELD: expected kind TIME"),
                invalid(
                        column(2, time(1, 2, 3).setName("t2")),
                        CPU + ", column 't2': TIME column is 't2' of type I64: expected 'time' of type I64"),
                invalid(
                        column(2, i64(1, 2, 3).clearKind()),
                        CPU + ", column 'i': kind is not set: expected TAG, FIELD or TIME"),
                invalid(
                        column(2, i64(1, 2, 3).setKindValue(7)),
                        CPU + ", column 'i': kind is 7: expected TAG (1), FIELD (2) or TIME (3)"),
                invalid(
                        column(2, i64(1, 2, 3).clearName()),
                        CPU + ", column #3: column name is empty: expected 1 to 255 bytes of UTF-8"),
                invalid(
                        column(2, i64(1, 2, 3).setName("i\t")),
                        CPU + ", column #3: column name has the control character U+0009 at index 1: expected none"),
                invalid(
                        column(2, i64(1, 2, 3).setName("host")),
                        CPU + ", column 'host': stands twice in the table: expected once"),
                invalid(
                        column(2, field("i")),
                        CPU + ", column 'i': has no values: expected one kind of values for 3 rows"),
                invalid(column(2, i64(1, 2)), CPU + ", column 'i': has 2 values: expected 3 for 3 rows"),
                invalid(column(2, i64(1, 2, 3, 4)), CPU + ", column 'i': has 4 values: expected 3 for 3 rows"),
                invalid(column(2, i64()), CPU + ", column 'i': has 0 values: expected 3 for 3 rows"),
                invalid(
                        table(rows9().addColumns(
                                        field("b").setValidity(bytes(0xFF)).setBools(bytes(0, 0)))),
                        CPU + ", column 'b': validity is 1 bytes long: expected 2 for 9 rows, or none"),
                invalid(
                        table(rows9().addColumns(field("b").setBools(bytes(0)))),
                        CPU + ", column 'b': bools are 1 bytes long: expected 2 for 9 rows"),
                invalid(
                        column(1, host().setI64(Int64s.newBuilder().addAllValues(List.of(1L, 2L, 3L)))),
                        CPU + ", column 'host': of kind TAG has values of kind i64: expected dictionary"),
                invalid(
                        column(1, host().setKind(Column.Kind.FIELD)),
                        CPU
                                + ", column 'host': of kind FIELD has values of kind dictionary: expected i64, u64, f64, bools or strings"),
                invalid(
                        column(1, host().clearValidity()),
                        CPU
                                + ", column 'host': code of row 1 is 99: expected less than 2, the number of the dictionary's values"),
                invalid(
                        column(1, codes(0, 1, -1)),
                        CPU
                                + ", column 'host': code of row 2 is 4294967295: expected less than 2, the number of the dictionary's values"),
                invalid(column(1, codes(0, 1)), CPU + ", column 'host': has 2 codes: expected 3 for 3 rows"),
                invalid(column(6, offsets(0, 2, 4)), CPU + ", column 's': has 3 offsets: expected 4 for 3 rows"),
                invalid(column(6, offsets(1, 2, 2, 4)), CPU + ", column 's': first offset is 1: expected 0"),
                invalid(
                        column(6, offsets(0, 2, 1, 4)),
                        CPU
                                + ", column 's': row 1 ends at offset 1: expected 2, where it starts, to 4, the length of the data"),
                invalid(
                        column(6, offsets(0, 2, 2, 5)),
                        CPU
                                + ", column 's': row 2 ends at offset 5: expected 2, where it starts, to 4, the length of the data"),
                invalid(
                        column(6, offsets(0, 2, -1, 4)),
                        CPU
                                + ", column 's': row 1 ends at offset 4294967295: expected 2, where it starts, to 4, the length of the data"),
                invalid(column(6, offsets(0, 2, 3, 4)), CPU + ", column 's': string of row 1 is not UTF-8"),
                invalid(
                        column(0, time(1, PartitionTemplate.MAX_TIMESTAMP_NS + 1, 3)),
                        CPU
                                + ", column 'time': timestamp of row 1 is 9214646400000000000: expected -9214560000000000000 to 9214646399999999999 (1678-01-01T00:00:00Z to 2261-12-31T23:59:59.999999999Z)"),
                invalid(
                        column(0, time(1, 2, PartitionTemplate.MIN_TIMESTAMP_NS - 1)),
                        CPU
                                + ", column 'time': timestamp of row 2 is -9214560000000000001: expected -9214560000000000000 to 9214646399999999999 (1678-01-01T00:00:00Z to 2261-12-31T23:59:59.999999999Z)"));
    }

    @Test
    void twoKindsOfValuesAreRefused() throws IOException {
        byte[] column = message(out -> {
            out.writeString(1, "i");
            out.writeInt32(2, Column.Kind.FIELD_VALUE);
            out.writeByteArray(4, message(values -> values.writeByteArray(1, longs(1, 2, 3))));
            out.writeByteArray(7, new byte[] {7});
        });
        assertRefused(withColumn(column), CPU + ", column 'i': has two kinds of values, i64 and bools: expected one");
    }

    @Test
    void whatIsNoUtf8IsRefused() throws IOException {
        byte[] bad = {'a', (byte) 0xFF};
        assertRefused(
                message(out -> out.writeByteArray(1, bad)), "name of 2 bytes at byte 2 of the request is not UTF-8");
        byte[] table = message(out -> out.writeByteArray(1, bad));
        assertRefused(
                message(out -> {
                    out.writeString(1, "metrics");
                    out.writeByteArray(2, table);
                }),
                "namespace 'metrics', table #1: name of 2 bytes at byte 13 of the request is not UTF-8");
        byte[] column = message(out -> out.writeByteArray(1, bad));
        assertRefused(withColumn(column), CPU + ", column #2: name of 2 bytes at byte 60 of the request is not UTF-8");
        byte[] tag = message(out -> {
            out.writeString(1, "host");
            out.writeInt32(2, Column.Kind.TAG_VALUE);
            out.writeByteArray(9, message(dictionary -> {
                dictionary.writeString(1, "fine");
                dictionary.writeByteArray(1, bad);
                dictionary.writeByteArray(2, new byte[12]);
            }));
        });
        assertRefused(withColumn(tag), CPU + ", column 'host': dictionary value #1 is not UTF-8");
        byte[] strings = message(out -> {
            out.writeString(1, "s");
            out.writeInt32(2, Column.Kind.FIELD_VALUE);
            out.writeByteArray(8, message(values -> {
                values.writeByteArray(1, new byte[] {'a', 'b', (byte) 0xC3});
                values.writeByteArray(2, ints(0, 1, 2, 3));
            }));
        });
        assertRefused(withColumn(strings), CPU + ", column 's': string of row 2 is not UTF-8");
    }

    @Test
    void whatIsNoProtobufIsRefused() throws IOException {
        assertRefused(
                "PUT / HTTP/1.1\r\n".getBytes(StandardCharsets.UTF_8),
                "request is no sluice.v1.WriteRequest: at byte 3 of 16: ",
                false);
        byte[] valid = valid().build().toByteArray();
        byte[] cut = java.util.Arrays.copyOf(valid, valid.length - 1);
        assertRefused(cut, "request is no sluice.v1.WriteRequest: at byte ", false);
        byte[] group = message(out -> {
            out.writeRawBytes(valid);
            out.writeTag(15, WireFormat.WIRETYPE_END_GROUP);
        });
        assertRefused(
                group,
                "request is no sluice.v1.WriteRequest: at byte 248 of 248: Protocol message end-group tag did not match expected tag.");
        byte[] odd = message(out -> {
            out.writeString(1, "i");
            out.writeByteArray(4, message(values -> values.writeByteArray(1, new byte[9])));
        });
        assertRefused(withColumn(odd), "packed values of 8 bytes are 9 bytes long", true);
        assertRefused(new byte[0], "namespace is missing: expected 1 to 255 bytes of UTF-8");
    }

    @Test
    void tooManyColumnsOrTablesAreRefused() {
        var table = cpu().clearColumns().addColumns(time(1, 2, 3));
        for (int i = 1; i < WriteDecoder.MAX_COLUMNS; i++) {
            table.addColumns(i64(1, 2, 3).setName("c" + i));
        }
        assertThat(WriteRequest.newBuilder().addTables(table).getTables(0).getColumnsCount())
                .isEqualTo(1_000);
        assertRefused(
                table(table.clone().addColumns(i64(1, 2, 3).setName("c0")))
                        .build()
                        .toByteArray(),
                "table #1 ('cpu') has more than 1,000 columns: expected at most 1,000");
        var request = WriteRequest.newBuilder().setNamespace("metrics");
        TableBatch small = cpu().clearColumns().addColumns(time(1, 2, 3)).build();
        for (int i = 0; i <= WriteDecoder.MAX_TABLES; i++) {
            request.addTables(small);
        }
        assertRefused(request.build().toByteArray(), "request has more than 10,000 tables: expected at most 10,000");
        var wide = WriteRequest.newBuilder().setNamespace("metrics");
        for (int i = 0; i <= WriteDecoder.MAX_REQUEST_COLUMNS / WriteDecoder.MAX_COLUMNS; i++) {
            wide.addTables(table);
        }
        assertRefused(
                wide.build().toByteArray(), "request has more than 262,144 columns in all: expected at most 262,144");
    }

    @Test
    void aThousandColumnsAreTaken() throws InvalidWriteException {
        var table = cpu().clearColumns().addColumns(time(1, 2, 3));
        for (int i = 1; i < WriteDecoder.MAX_COLUMNS; i++) {
            table.addColumns(i64(1, 2, 3).setName("c" + i));
        }
        assertThat(decode(table).columns()).hasSize(1_000);
    }

    @Test
    void tooManyDictionaryValuesAreRefused() {
        byte[] emptyValue = {1 << 3 | 2, 0};
        byte[] dictionary = new byte[2 * (WriteDecoder.MAX_DICTIONARY_VALUES + 1)];
        for (int i = 0; i < dictionary.length; i += 2) {
            System.arraycopy(emptyValue, 0, dictionary, i, 2);
        }
        assertThatThrownBy(() -> WriteDecoder.decode(withColumn(message(out -> out.writeByteArray(9, dictionary)))))
                .hasMessage("request has more than 4,194,304 dictionary values: expected at most 4,194,304");
    }

    private static Arguments invalid(WriteRequest.Builder request, String message) {
        return Arguments.of(request, message);
    }

    private static WriteRequest.Builder table(TableBatch.Builder table) {
        return WriteRequest.newBuilder().setNamespace("metrics").addTables(table);
    }

    private static WriteRequest.Builder column(int index, Column.Builder column) {
        return table(cpu().setColumns(index, column));
    }

    private static TableBatch.Builder rows9() {
        return TableBatch.newBuilder().setTable("cpu").setRowCount(9).addColumns(time(new long[9]));
    }

    private static Column.Builder i64(long... values) {
        return time(values).setName("i").setKind(Column.Kind.FIELD);
    }

    private static Column.Builder codes(int... codes) {
        var dictionary = Dictionary.newBuilder().addValues("a").addValues("b");
        for (int code : codes) {
            dictionary.addCodes(code);
        }
        return host().clearValidity().setDictionary(dictionary);
    }

    /// Offsets into `xyü`, which is 4 bytes long.
    private static Column.Builder offsets(int... offsets) {
        var strings = Strings.newBuilder().setData(ByteString.copyFrom("xyü", StandardCharsets.UTF_8));
        for (int offset : offsets) {
            strings.addOffsets(offset);
        }
        return strings().setStrings(strings);
    }

    /// Table `cpu` of three rows, with a column after `time` whose message is given as bytes.
    private static byte[] withColumn(byte[] column) throws IOException {
        byte[] table = message(out -> {
            out.writeString(1, "cpu");
            out.writeUInt32(2, 3);
            out.writeByteArray(3, time(1, 2, 3).build().toByteArray());
            out.writeByteArray(3, column);
        });
        return message(out -> {
            out.writeString(1, "metrics");
            out.writeByteArray(2, table);
        });
    }

    private static DecodedWrite write(TableBatch.Builder table) throws InvalidWriteException {
        return WriteDecoder.decode(table(table).build().toByteArray());
    }

    private static DecodedTable decode(TableBatch.Builder table) throws InvalidWriteException {
        return write(table).tables().getFirst();
    }

    private static void assertRefused(byte[] request, String message) {
        assertThatThrownBy(() -> WriteDecoder.decode(request))
                .isInstanceOf(InvalidWriteException.class)
                .hasMessage(message);
    }

    private static void assertRefused(byte[] request, String part, boolean atEnd) {
        var refused = assertThatThrownBy(() -> WriteDecoder.decode(request)).isInstanceOf(InvalidWriteException.class);
        if (atEnd) {
            refused.hasMessageEndingWith(part);
        } else {
            refused.hasMessageStartingWith(part);
        }
    }

    private static List<ByteBuffer> buffers(DecodedTable table) {
        List<ByteBuffer> buffers = new ArrayList<>();
        for (DecodedColumn column : table.columns()) {
            column.validity().ifPresent(buffers::add);
            switch (column.values()) {
                case Values.Int64s(ByteBuffer data) -> buffers.add(data);
                case Values.UInt64s(ByteBuffer data) -> buffers.add(data);
                case Values.Float64s(ByteBuffer data) -> buffers.add(data);
                case Values.Bools(ByteBuffer bits) -> buffers.add(bits);
                case Values.Strings(ByteBuffer data, ByteBuffer offsets) -> buffers.addAll(List.of(data, offsets));
                case Values.Dictionary(List<String> values, ByteBuffer codes) -> buffers.add(codes);
            }
        }
        return buffers;
    }

    private static List<Byte> firstBytes(List<ByteBuffer> buffers) {
        return buffers.stream().map(buffer -> buffer.get(0)).toList();
    }

    private static byte[] longs(long... values) {
        var buffer = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asLongBuffer().put(values);
        return buffer.array();
    }

    private static byte[] ints(int... values) {
        var buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asIntBuffer().put(values);
        return buffer.array();
    }

    /// A message written field by field.
    private interface Fields {
        void writeTo(CodedOutputStream out) throws IOException;
    }

    private static byte[] message(Fields fields) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = CodedOutputStream.newInstance(bytes);
        fields.writeTo(out);
        out.flush();
        return bytes.toByteArray();
    }
}
