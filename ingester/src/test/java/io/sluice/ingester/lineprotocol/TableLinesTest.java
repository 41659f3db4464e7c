package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.model.NamespaceName;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Float64s;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class TableLinesTest {
    private static final String NASTY = "a,= \\\"#'é日🚀";
    private static final long ARBITRARY_TIME_NS = -1_234_567_890_123_456_789L;

    private static DecodedWrite row(String table, Column... columns) throws InvalidWriteException {
        return WriteDecoder.decode(WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable(table)
                        .setRowCount(1)
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(Int64s.newBuilder().addValues(ARBITRARY_TIME_NS)))
                        .addAllColumns(Arrays.asList(columns)))
                .build()
                .toByteArray());
    }

    private static Column tag(String name, String value) {
        return Column.newBuilder()
                .setName(name)
                .setKind(Column.Kind.TAG)
                .setDictionary(Dictionary.newBuilder().addValues(value).addCodes(0))
                .build();
    }

    private static Column text(String name, String value) {
        ByteString bytes = ByteString.copyFromUtf8(value);
        return Column.newBuilder()
                .setName(name)
                .setKind(Column.Kind.FIELD)
                .setStrings(Strings.newBuilder().setData(bytes).addOffsets(0).addOffsets(bytes.size()))
                .build();
    }

    private static Column number(String name, double value) {
        return Column.newBuilder()
                .setName(name)
                .setKind(Column.Kind.FIELD)
                .setF64(Float64s.newBuilder().addValues(value))
                .build();
    }

    private static String line(DecodedWrite write) {
        StringBuilder line = new StringBuilder();
        assertThat(new TableLines(write.tables().getFirst()).append(0, line)).isEmpty();
        return line.toString();
    }

    private static void assertHasNoLine(String problem, DecodedWrite write) {
        StringBuilder lines = new StringBuilder("before");
        Optional<String> found = new TableLines(write.tables().getFirst()).append(0, lines);
        assertThat(found).hasValueSatisfying(text -> assertThat(text).contains(problem));
        assertThat(lines).hasToString("before");
    }

    private static DecodedWrite parse(String lines) throws InvalidWriteException {
        byte[] body = lines.getBytes(StandardCharsets.UTF_8);
        ParsedLines parsed = new LineProtocolParser(Samples.ARBITRARY_SEED)
                .parse(
                        body,
                        0,
                        body.length,
                        new ParseOptions(new NamespaceName("n"), Precision.NS, 0, 10, KnownColumns.NONE));
        assertThat(parsed.errors()).as(lines).isEmpty();
        return WriteDecoder.decode(parsed.request().orElseThrow());
    }

    @Test
    void aLineHasTagsFieldsAndNanoseconds() throws InvalidWriteException {
        assertThat(line(row("cpu", text("s", "x\"y\\z"), tag("host", "web 1"), number("f", -0.0))))
                .isEqualTo("cpu,host=web\\ 1 s=\"x\\\"y\\\\z\",f=-0.0 -1234567890123456789\n");
    }

    @Test
    void everyNameAndTextOfNastyCharactersIsReadAsTheSame() throws InvalidWriteException {
        int[] characters = NASTY.codePoints().toArray();
        for (long seed = 0; seed < 5_000; seed++) {
            Random random = new Random(seed);
            String table = some(random, characters).replaceFirst("^#+", "");
            String tag = some(random, characters);
            String field = tag + some(random, characters);
            DecodedWrite write = row(
                    table.isEmpty() ? "t" : table,
                    tag(tag, some(random, characters)),
                    text(field, some(random, characters) + "\\\n\r\0" + (random.nextBoolean() ? "\\" : "")),
                    number(field + "f", Double.longBitsToDouble(random.nextLong() & ~(1L << 62))));
            assertThat(DecodedRows.of(parse(line(write)))).as("seed %d", seed).isEqualTo(DecodedRows.of(write));
        }
    }

    /// Some characters, the last no backslash.
    private static String some(Random random, int[] characters) {
        StringBuilder text = new StringBuilder();
        int count = random.nextInt(1, 6);
        for (int i = 0; i < count; i++) {
            text.appendCodePoint(characters[random.nextInt(characters.length)]);
        }
        return text.toString().endsWith("\\") ? text + "x" : text.toString();
    }

    @Test
    void whatALineCannotHoldIsToldAndLeavesNothing() throws InvalidWriteException {
        Column field = number("f", 1);
        assertHasNoLine("begins with '#'", row("#cpu", field));
        assertHasNoLine("table's name ends with a backslash", row("cpu\\", field));
        assertHasNoLine("the name of tag 'host\\' ends with a backslash", row("cpu", tag("host\\", "a"), field));
        assertHasNoLine("tag 'host' ends with a backslash", row("cpu", tag("host", "a\\"), field));
        assertHasNoLine("tag 'host' is empty", row("cpu", tag("host", ""), field));
        assertHasNoLine("tag 'host' has a line feed", row("cpu", tag("host", "a\nb"), field));
        assertHasNoLine("the name of field 'f\\' ends with a backslash", row("cpu", number("f\\", 1)));
        assertHasNoLine("field 'f' is NaN", row("cpu", number("f", Double.NaN)));
        assertHasNoLine("field 'f' is -Infinity", row("cpu", number("f", Double.NEGATIVE_INFINITY)));
        assertHasNoLine("it has no field", row("cpu", tag("host", "a")));
    }
}
