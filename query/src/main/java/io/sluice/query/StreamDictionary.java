package io.sluice.query;

import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndex;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.jspecify.annotations.Nullable;

/// The values of one tag in a whole stream. Flight sends dictionaries once, ahead of all rows, so the values are
/// gathered when the query starts: what comes later is not shown by it. It may have values that no row uses.
final class StreamDictionary implements AutoCloseable {
    private static final int UNKNOWN = -2;
    private static final int[] NONE = {};

    private final Map<ByteBuffer, Integer> codes = new HashMap<>();
    /// The code of each number of an index; -1 where the stream has none, UNKNOWN where nobody has looked.
    private final Map<TagIndex, int[]> byIndex = new HashMap<>();

    /// What was asked for last: the chunks of a partition mostly share an index.
    private @Nullable TagIndex lastIndex;

    private int[] lastCodes = NONE;

    /// Of an index all of whose values are here: how many those are.
    private final Map<TagIndex, Integer> whole = new HashMap<>();
    /// Of an index: up to which number the stream's codes are the numbers.
    private final Map<TagIndex, Integer> same = new HashMap<>();

    private boolean isSealed;
    private final DictionaryBounds bounds;
    private long bytes;
    /// Rows that were looked at while values were gathered.
    private long rowCount;

    private boolean isTooLarge;
    private final VarCharVector values;
    private final Dictionary dictionary;

    StreamDictionary(DictionaryEncoding encoding, String column, DictionaryBounds bounds, BufferAllocator allocator) {
        this.bounds = bounds;
        this.values = new VarCharVector(column, allocator);
        this.dictionary = new Dictionary(values, encoding);
    }

    /// Whether it has more values than the bounds allow. Then it is of no use: to gather more ends at once.
    boolean isTooLarge() {
        return isTooLarge;
    }

    /// Adds values of a chunk's dictionary.
    ///
    /// @param wanted for each code whether its value is added
    /// @param rows that may have them
    void gather(RowColumn.Tag tag, boolean[] wanted, int rows) {
        rowCount += rows;
        int[] numbers = tag.valueNumbers();
        int[] byNumber = codes(tag.numbers().index());
        for (int code = 0; code < wanted.length && !isTooLarge; code++) {
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
        bytes += value.length;
        isTooLarge = bounds.arePassed(codes.size(), bytes, rowCount);
        return codes.size() - 1;
    }

    /// For each number of an index the stream's code, negative where it has none or nobody has asked.
    int[] codes(TagIndex index) {
        int size = index.size();
        if (index == lastIndex && lastCodes.length >= size) {
            return lastCodes;
        }
        int[] known = byIndex.getOrDefault(index, NONE);
        if (known.length < size) {
            int old = known.length;
            known = Arrays.copyOf(known, size);
            Arrays.fill(known, old, size, UNKNOWN);
            byIndex.put(index, known);
        }
        lastIndex = index;
        lastCodes = known;
        return known;
    }

    /// Adds all values of the index that a chunk's values have their numbers in: those of this chunk, and of others.
    /// To do so again costs nothing.
    ///
    /// @param rows of the chunk
    void gatherAll(RowColumn.Tag tag, int rows) {
        int size = tag.dictionary().getValueCount();
        if (!tag.numbers().areAll(tag.dictionary())) {
            boolean[] wanted = new boolean[size];
            Arrays.fill(wanted, true);
            gather(tag, wanted, rows);
            return;
        }
        rowCount += rows;
        TagIndex index = tag.numbers().index();
        int[] byNumber = codes(index);
        int gathered = whole.getOrDefault(index, 0);
        if (gathered < byNumber.length) {
            for (int number = gathered; number < byNumber.length && !isTooLarge; number++) {
                if (byNumber[number] < 0) {
                    byNumber[number] = add(index.value(number));
                }
            }
            whole.put(index, byNumber.length);
        }
    }

    /// Adds the values that some rows have. To be called before [#seal].
    void gather(RowColumn.Tag tag, Selection rows) {
        rowCount += rows.count();
        int[] numbers = tag.valueNumbers();
        int[] byNumber = codes(tag.numbers().index());
        ArrowBuf data = tag.codes().getDataBuffer();
        for (int i = 0; i < rows.count() && !isTooLarge; i++) {
            int row = rows.row(i);
            if (!tag.codes().isNull(row)) {
                var _ = translate(tag, data.getInt((long) row * Integer.BYTES), numbers, byNumber);
            }
        }
    }

    /// Nothing is added from now on.
    void seal() {
        isSealed = true;
        values.setValueCount(codes.size());
    }

    /// For each code of a chunk's own dictionary the stream's, -1 where the stream has none; perhaps more of them than
    /// the dictionary has codes.
    int[] translate(RowColumn.Tag tag) {
        if (isNumbers(tag)) {
            return tag.valueNumbers();
        }
        int[] translated = new int[tag.dictionary().getValueCount()];
        int[] numbers = tag.valueNumbers();
        int[] byNumber = codes(tag.numbers().index());
        for (int code = 0; code < translated.length; code++) {
            translated[code] = translate(tag, code, numbers, byNumber);
        }
        return translated;
    }

    /// The stream's code of one of a chunk's; -1 if it has none.
    int translate(RowColumn.Tag tag, int code) {
        return translate(tag, code, tag.valueNumbers(), codes(tag.numbers().index()));
    }

    private int translate(RowColumn.Tag tag, int code, int[] numbers, int[] byNumber) {
        int number = numbers[code];
        if (number < 0) {
            return find(tag.dictionary().get(code));
        }
        if (byNumber[number] < 0 && (byNumber[number] == UNKNOWN || !isSealed)) {
            byNumber[number] = find(tag.numbers().index().value(number));
        }
        return byNumber[number];
    }

    /// Whether the stream's codes are the numbers of the values in an index.
    private boolean isNumbers(RowColumn.Tag tag) {
        TagIndex index = tag.numbers().index();
        if (!tag.numbers().areAll(tag.dictionary())) {
            return false;
        }
        int gathered = whole.getOrDefault(index, 0);
        int checked = same.getOrDefault(index, 0);
        int[] byNumber = codes(index);
        while (checked < gathered && byNumber[checked] == checked) {
            checked++;
        }
        same.put(index, checked);
        // Numbers that were not there when the values were gathered are of rows that are not shown.
        return gathered > 0 && checked == gathered;
    }

    /// Whether the stream's codes of a chunk's values are the chunk's.
    boolean isSame(RowColumn.Tag tag) {
        if (isNumbers(tag)) {
            return tag.numbers().areSame(tag.dictionary());
        }
        int[] codes = translate(tag);
        for (int code = 0; code < codes.length; code++) {
            if (codes[code] != code) {
                return false;
            }
        }
        return true;
    }

    /// The code of a value. One that the stream lacks is added as long as that can be; then it is -1.
    int find(byte[] value) {
        if (!isSealed) {
            return add(value);
        }
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
