package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.OutlineReader.Outline;
import io.sluice.ingester.door.OutlineReader.TableOutline;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.model.ColumnSchema;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What the outline says must be what [WriteDecoder] finds, wherever that finds anything.
final class OutlineReaderTest {
    private static List<Long> times(TableOutline table) {
        List<Long> times = new ArrayList<>();
        for (int row = 0; row < table.rowCount(); row++) {
            times.add(table.timeNs(row));
        }
        return times;
    }

    private static List<Long> times(DecodedTable table) {
        List<Long> times = new ArrayList<>();
        for (DecodedColumn column : table.columns()) {
            if (column.schema().equals(ColumnSchema.TIME)
                    && column.values() instanceof DecodedColumn.Values.Int64s(ByteBuffer data)) {
                for (int row = 0; row < table.rowCount(); row++) {
                    times.add(data.getLong(row * Long.BYTES));
                }
            }
        }
        return times;
    }

    private static void check(Outline outline, DecodedWrite decoded) {
        assertThat(outline.namespace()).isEqualTo(decoded.namespace());
        assertThat(outline.tables()).hasSameSizeAs(decoded.tables());
        for (int i = 0; i < outline.tables().size(); i++) {
            assertThat(outline.tables().get(i).table())
                    .isEqualTo(decoded.tables().get(i).table());
            assertThat(times(outline.tables().get(i)))
                    .isEqualTo(times(decoded.tables().get(i)));
        }
    }

    @Test
    void theOutlineOfAUsualRequestHasItsNamesAndTimestamps() throws Exception {
        for (long seed = 0; seed < 500; seed++) {
            Random random = new Random(seed);
            byte[] request = GeneratedTable.request(
                    "n",
                    GeneratedTable.of(random, "a", random.nextInt(1, 20)),
                    GeneratedTable.of(random, "日本", random.nextInt(1, 20)));
            Optional<Outline> outline = OutlineReader.read(request);
            assertThat(outline).as("seed %d", seed).isPresent();
            check(outline.orElseThrow(), WriteDecoder.decode(request));
        }
    }

    @Test
    void ofAMutatedRequestItSaysNothingElseThanTheDecoder() {
        byte[] valid = Requests.valid()
                .addTables(Requests.cpu().setTable("mem"))
                .build()
                .toByteArray();
        int compared = 0;
        for (long seed = 0; seed < 60_000; seed++) {
            byte[] request = WriteDecoderFuzzTest.mutate(valid, new Random(seed));
            try {
                Optional<Outline> outline = OutlineReader.read(request);
                if (outline.isPresent()) {
                    check(outline.get(), WriteDecoder.decode(request));
                    compared++;
                }
            } catch (InvalidWriteException e) {
                // wrong in a column that the outline passes over
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(
                        "seed %d: %s".formatted(seed, HexFormat.of().formatHex(request)), e);
            }
        }
        assertThat(compared).isGreaterThan(600);
    }
}
