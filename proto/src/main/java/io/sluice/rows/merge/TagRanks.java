package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The values of one tag over all batches, in order, and the place of each row's value among them.
///
/// @param values distinct, in order of their bytes as unsigned numbers, which for UTF-8 is the order of
///     code points
/// @param ranks for each row in arrival order: 0 = null, else 1 + place in `values`. 4 bytes a row.
record TagRanks(byte[][] values, int[] ranks) {
    static TagRanks of(ColumnName name, List<RowBatch> batches, int rowCount) {
        Map<ByteBuffer, Integer> distinct = new HashMap<>();
        int[] ranks = new int[rowCount];
        int at = 0;
        for (RowBatch batch : batches) {
            Optional<RowColumn> column = batch.find(name);
            if (column.isPresent() && column.get() instanceof RowColumn.Tag tag) {
                number(tag, batch.rowCount(), distinct, ranks, at);
            }
            at += batch.rowCount();
        }
        byte[][] values = distinct.keySet().stream().map(ByteBuffer::array).toArray(byte[][]::new);
        Arrays.sort(values, Arrays::compareUnsigned);
        int[] rankOf = new int[values.length + 1];
        for (int i = 0; i < values.length; i++) {
            rankOf[distinct.getOrDefault(ByteBuffer.wrap(values[i]), 0)] = i + 1;
        }
        for (int row = 0; row < rowCount; row++) {
            ranks[row] = rankOf[ranks[row]];
        }
        return new TagRanks(values, ranks);
    }

    /// Numbers the values from 1 on, in order of arrival; 0 stays for null.
    private static void number(
            RowColumn.Tag tag, int rowCount, Map<ByteBuffer, Integer> distinct, int[] ranks, int at) {
        int[] numbers = new int[tag.dictionary().getValueCount()];
        for (int row = 0; row < rowCount; row++) {
            if (!tag.codes().isNull(row)) {
                int code = tag.codes().get(row);
                if (numbers[code] == 0) {
                    ByteBuffer value = ByteBuffer.wrap(tag.dictionary().get(code));
                    numbers[code] = distinct.computeIfAbsent(value, _ -> distinct.size() + 1);
                }
                ranks[at + row] = numbers[code];
            }
        }
    }
}
