package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Names that are found without a look at columns.
final class RequestNamesTest {
    private static TableBatch table(String name, int dataBytes) {
        return TableBatch.newBuilder()
                .setTable(name)
                .setRowCount(1)
                .addColumns(Column.newBuilder()
                        .setName("s")
                        .setStrings(Strings.newBuilder().setData(ByteString.copyFrom(new byte[dataBytes]))))
                .build();
    }

    private static byte[] request(String namespace, TableBatch... tables) {
        return WriteRequest.newBuilder()
                .setNamespace(namespace)
                .addAllTables(Arrays.asList(tables))
                .build()
                .toByteArray();
    }

    @Test
    void theNamesOfAllTablesAreFoundWhateverStandsInTheirColumns() {
        byte[] request = request("metrics", table("cpu", 300_000), table("mem", 0), table("Größe", 5_000));
        assertThat(RequestNames.peek(request)).hasValueSatisfying(names -> {
            assertThat(names.namespace().value()).isEqualTo("metrics");
            assertThat(names.tables()).extracting(TableName::value).containsExactly("cpu", "mem", "Größe");
        });
    }

    @Test
    void whatIsNotWrittenAsEncodersDoIsLeftToTheDecoder() {
        byte[] usual = request("metrics", table("cpu", 3));
        assertThat(RequestNames.peek(new byte[0])).isEmpty();
        assertThat(RequestNames.peek(request("metrics"))).as("no table").isEmpty();
        assertThat(RequestNames.peek(request("", table("cpu", 3)))).isEmpty();
        assertThat(RequestNames.peek(request("metrics", table("", 3)))).isEmpty();
        assertThat(RequestNames.peek(request("tab\there", table("cpu", 3))))
                .as("no name")
                .isEmpty();
        assertThat(RequestNames.peek(request(
                        "metrics",
                        TableBatch.newBuilder()
                                .setTable("cpu")
                                .setUnknownFields(UnknownFieldSet.newBuilder()
                                        .addField(
                                                9,
                                                UnknownFieldSet.Field.newBuilder()
                                                        .addVarint(1)
                                                        .build())
                                        .build())
                                .build())))
                .as("what stands behind the name does not matter")
                .isPresent();
        byte[] tableFirst = Arrays.copyOfRange(usual, 2 + "metrics".length(), usual.length);
        assertThat(RequestNames.peek(tableFirst)).isEmpty();
        byte[] notUtf8 = usual.clone();
        notUtf8[3] = (byte) 0xFF;
        assertThat(RequestNames.peek(notUtf8)).isEmpty();
    }

    @Test
    void whatIsCutOrDamagedIsNeverReadBeyondItsEnd() {
        byte[] request = request("metrics", table("cpu", 20), table("mem", 200));
        for (int length = 0; length < request.length; length++) {
            Optional<RequestNames> names = RequestNames.peek(Arrays.copyOf(request, length));
            assertThat(names.map(found -> found.tables().size()).orElse(0))
                    .as("cut at %d", length)
                    .isLessThan(2);
        }
        for (long seed = 1; seed <= 20_000; seed++) {
            Random random = new Random(seed);
            byte[] damaged = request.clone();
            for (int i = 0; i < 3; i++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            // That it returns, and that nothing is found that could not stand there.
            assertThat(RequestNames.peek(damaged)
                            .map(found -> found.tables().size())
                            .orElse(0))
                    .as("seed %d", seed)
                    .isLessThan(damaged.length);
        }
    }
}
