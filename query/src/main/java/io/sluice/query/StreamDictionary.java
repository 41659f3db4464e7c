package io.sluice.query;

import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndex;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.util.ByteFunctionHelpers;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;

/// The values of one tag in a whole stream. Flight sends dictionaries once, ahead of all rows, so the values are
/// gathered when the query starts: what comes later is not shown by it. It may have values that no row uses.
final class StreamDictionary implements AutoCloseable {
    private static final int UNKNOWN = -2;

    private final Map<ByteBuffer, Integer> codes = new HashMap<>();
    /// The code of each number of an index; -1 where the stream has none, UNKNOWN where nobody has looked.
    private final Map<TagIndex, int[]> byIndex = new HashMap<>();

    private final VarCharVector values;
    private final Dictionary dictionary;

    StreamDictionary(DictionaryEncoding encoding, String column, BufferAllocator allocator) {
        this.values = new VarCharVector(column, allocator);
        this.dictionary = new Dictionary(values, encoding);
    }

    /// Adds values of a chunk's dictionary.
    ///
    /// @param wanted for each code whether its value is added
    void gather(RowColumn.Tag tag, boolean[] wanted) {
        int[] numbers = tag.valueNumbers();
        int[] byNumber = codes(tag.numbers().index());
        for (int code = 0; code < wanted.length; code++) {
            if (wanted[code]) {
                int number = numbers[code];
                if (number < 0) {
                    add(tag.dictionary().get(code));
                } else if (byNumber[number] < 0) {
                    byNumber[number] = add(tag.numbers().index().value(number));
                }
            }
        }
    }

    private int add(byte[] value) {
        ByteBuffer key = ByteBuffer.wrap(value);
        Integer known = codes.putIfAbsent(key, codes.size());
        if (known != null) {
            return known;
        }
        values.setSafe(codes.size() - 1, value);
        return codes.size() - 1;
    }

    private int[] codes(TagIndex index) {
        int[] known = byIndex.getOrDefault(index, new int[0]);
        int size = index.size();
        if (known.length < size) {
            int old = known.length;
            known = Arrays.copyOf(known, size);
            Arrays.fill(known, old, size, UNKNOWN);
            byIndex.put(index, known);
        }
        return known;
    }

    /// Whether two dictionaries have the same values in the same order, as those of neighbouring chunks often have.
    static boolean areEqual(VarCharVector one, VarCharVector other) {
        int count = one.getValueCount();
        if (count != other.getValueCount()) {
            return false;
        }
        if (count == 0) {
            return true;
        }
        int bytes = one.getEndOffset(count - 1);
        long offsetBytes = (count + 1L) * Integer.BYTES;
        return bytes == other.getEndOffset(count - 1)
                && equal(one.getOffsetBuffer(), other.getOffsetBuffer(), offsetBytes)
                && equal(one.getDataBuffer(), other.getDataBuffer(), bytes);
    }

    private static boolean equal(ArrowBuf one, ArrowBuf other, long bytes) {
        return bytes == 0 || ByteFunctionHelpers.equal(one, 0, bytes, other, 0, bytes) == 1;
    }

    /// Takes out of `wanted` the codes that none of the rows has.
    static void restrict(RowColumn.Tag tag, Selection rows, boolean[] wanted) {
        boolean[] used = new boolean[wanted.length];
        ArrowBuf data = tag.codes().getDataBuffer();
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.row(i);
            if (!tag.codes().isNull(row)) {
                used[data.getInt((long) row * Integer.BYTES)] = true;
            }
        }
        for (int code = 0; code < wanted.length; code++) {
            wanted[code] &= used[code];
        }
    }

    /// Nothing is added from now on.
    void seal() {
        values.setValueCount(codes.size());
    }

    /// For each code of a chunk's own dictionary the stream's; -1 where the stream has none.
    int[] translate(RowColumn.Tag tag) {
        int[] translated = new int[tag.dictionary().getValueCount()];
        int[] numbers = tag.valueNumbers();
        int[] byNumber = codes(tag.numbers().index());
        for (int code = 0; code < translated.length; code++) {
            int number = numbers[code];
            if (number < 0) {
                translated[code] = find(tag.dictionary().get(code));
            } else {
                if (byNumber[number] == UNKNOWN) {
                    byNumber[number] = find(tag.numbers().index().value(number));
                }
                translated[code] = byNumber[number];
            }
        }
        return translated;
    }

    /// The code of a value; -1 if the stream has none.
    private int find(byte[] value) {
        return codes.getOrDefault(ByteBuffer.wrap(value), -1);
    }

    Dictionary dictionary() {
        return dictionary;
    }

    @Override
    public void close() {
        values.close();
    }
}
