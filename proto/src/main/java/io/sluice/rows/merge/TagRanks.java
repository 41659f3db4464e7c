package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.IntBuffer;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.vector.VarCharVector;

/// The values of one tag over all batches, in order, and what the codes of each batch's dictionary are among them.
///
/// @param values distinct, in the order of their bytes as unsigned numbers, which for UTF-8 is the order of
///     code points; those that stand in a dictionary and in no row are among them
/// @param ranks for each batch, by code: 1 + place in `values`; 0 is for rows without a value. Empty if the
///     batch has no such column
record TagRanks(byte[][] values, int[][] ranks) {
    static TagRanks of(ColumnName name, List<RowBatch> batches) {
        TextNumbers texts = new TextNumbers();
        int[][] ranks = new int[batches.size()][];
        for (int i = 0; i < ranks.length; i++) {
            Optional<RowColumn> column = batches.get(i).find(name);
            ranks[i] = column.isPresent() && column.get() instanceof RowColumn.Tag tag
                    ? numbers(tag.dictionary(), texts)
                    : new int[0];
        }
        int[] sorted = texts.sorted();
        byte[][] values = new byte[sorted.length][];
        int[] rankOf = new int[sorted.length];
        for (int place = 0; place < sorted.length; place++) {
            values[place] = texts.value(sorted[place]);
            rankOf[sorted[place]] = place + 1;
        }
        for (int[] ofBatch : ranks) {
            for (int code = 0; code < ofBatch.length; code++) {
                ofBatch[code] = rankOf[ofBatch[code]];
            }
        }
        return new TagRanks(values, ranks);
    }

    private static int[] numbers(VarCharVector dictionary, TextNumbers texts) {
        int count = dictionary.getValueCount();
        int[] numbers = new int[count];
        if (count == 0) {
            return numbers;
        }
        IntBuffer offsets = Vectors.offsets(dictionary, count);
        byte[] bytes = new byte[offsets.get(count)];
        Vectors.texts(dictionary, bytes.length).get(bytes);
        for (int code = 0; code < count; code++) {
            int start = offsets.get(code);
            numbers[code] = texts.number(bytes, start, offsets.get(code + 1) - start);
        }
        return numbers;
    }

    /// How many bits a rank has.
    int bits() {
        return Integer.SIZE - Integer.numberOfLeadingZeros(values.length);
    }
}
