package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.model.ColumnSchema;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Requests that follow one another, with and without a memo of the names.
class NameMemoTest {
    private static final int ROUNDS = 500;

    private final NameMemo memo = new NameMemo();

    private static List<ColumnSchema> schemas(DecodedWrite write) {
        return write.tables().getFirst().columns().stream()
                .map(DecodedColumn::schema)
                .toList();
    }

    @Test
    void whatIsDecodedIsTheSameAsWithoutAMemo() throws Exception {
        Random random = new Random(1);
        for (int round = 0; round < ROUNDS; round++) {
            List<GeneratedTable> tables = new ArrayList<>();
            for (String name : List.of("a", "b")) {
                if (tables.isEmpty() || random.nextBoolean()) {
                    tables.add(GeneratedTable.of(random, name, random.nextInt(1, 4)));
                }
            }
            byte[] request =
                    GeneratedTable.request(random.nextBoolean() ? "n" : "m", tables.toArray(GeneratedTable[]::new));
            assertThat(WriteDecoder.decode(request, memo))
                    .as("round %d", round)
                    .isEqualTo(WriteDecoder.decode(request));
        }
    }

    @Test
    void aColumnThatIsKnownIsTheVeryObjectOfBefore() throws Exception {
        byte[] request = Requests.valid().build().toByteArray();
        List<ColumnSchema> first = schemas(WriteDecoder.decode(request, memo));
        List<ColumnSchema> second = schemas(WriteDecoder.decode(request.clone(), memo));
        assertThat(second).hasSameSizeAs(first).isNotEmpty();
        for (int i = 0; i < first.size(); i++) {
            assertThat(second.get(i)).isSameAs(first.get(i));
        }
    }

    @Test
    void aColumnThatCameBackWithAnotherTypeHasIt() throws Exception {
        WriteRequest.Builder request = Requests.valid();
        TableBatch table = request.getTables(0);
        DecodedTable before = WriteDecoder.decode(request.build().toByteArray(), memo)
                .tables()
                .getFirst();
        for (int i = 0; i < table.getColumnsCount(); i++) {
            Column column = table.getColumns(i);
            if (column.hasI64() && column.getKind() == Column.Kind.FIELD) {
                WriteRequest.Builder changed = Requests.valid();
                changed.getTablesBuilder(0)
                        .getColumnsBuilder(i)
                        .clearI64()
                        .getU64Builder()
                        .addAllValues(column.getI64().getValuesList());
                byte[] bytes = changed.build().toByteArray();
                DecodedTable after = WriteDecoder.decode(bytes, memo).tables().getFirst();
                assertThat(after)
                        .isEqualTo(WriteDecoder.decode(bytes).tables().getFirst())
                        .isNotEqualTo(before);
                return;
            }
        }
        throw new AssertionError("the request has no i64 field");
    }

    @Test
    void aNameThatStandsTwiceIsRefusedAfterAWriteThatHadItOnce() throws Exception {
        WriteRequest.Builder request = Requests.valid();
        var _ = WriteDecoder.decode(request.build().toByteArray(), memo);
        TableBatch.Builder table = request.getTablesBuilder(0);
        table.setColumns(1, table.getColumns(0));
        byte[] twice = request.build().toByteArray();
        assertThatThrownBy(() -> WriteDecoder.decode(twice, memo))
                .isInstanceOf(InvalidWriteException.class)
                .hasMessageContaining("stands twice");
    }

    @Test
    void emptyNamesAreRefusedThoughNothingWasRemembered() {
        byte[] noNamespace = Requests.valid().clearNamespace().build().toByteArray();
        assertThatThrownBy(() -> WriteDecoder.decode(noNamespace, memo)).hasMessageContaining("namespace is missing");
        WriteRequest.Builder noTable = Requests.valid();
        noTable.getTablesBuilder(0).clearTable();
        byte[] bytes = noTable.build().toByteArray();
        assertThatThrownBy(() -> WriteDecoder.decode(bytes, memo)).hasMessageContaining("name is missing");
    }
}
