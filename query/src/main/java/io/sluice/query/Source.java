package io.sluice.query;

import io.sluice.rows.RowColumn;
import java.util.Optional;

/// A chunk's column, as a stream takes values from it. For one thread.
final class Source {
    /// One of so many values of a chunk may be looked up by itself before all get their numbers.
    private static final int VALUES_PER_LOOKUP = 16;

    private final RowColumn column;
    private final int nullCount;
    private final Optional<StreamDictionary> dictionary;
    /// For each code of the chunk the stream's, once somebody wants all of them.
    private int[] codes = {};
    /// For each code of the chunk its value's number, and for each number the stream's code.
    private int[] numbers = {};

    private int[] byNumber = {};
    private int lookedUp;
    /// What was looked up last, and the stream's code of it: neighbours often have the same value.
    private int lastOfChunk = -1;
    private int lastCode;

    private Source(RowColumn column, int nullCount, Optional<StreamDictionary> dictionary) {
        this.column = column;
        this.nullCount = nullCount;
        this.dictionary = dictionary;
    }

    /// @param nullCount how many rows of it are null
    static Source of(RowColumn.Plain column, int nullCount) {
        return new Source(column, nullCount, Optional.empty());
    }

    /// A tag that is plain in the stream.
    ///
    /// @param nullCount how many rows of it are null
    static Source plain(RowColumn.Tag column, int nullCount) {
        return new Source(column, nullCount, Optional.empty());
    }

    /// @param nullCount how many rows of it are null
    static Source of(RowColumn.Tag column, int nullCount, StreamDictionary dictionary) {
        return new Source(column, nullCount, Optional.of(dictionary));
    }

    RowColumn column() {
        return column;
    }

    int nullCount() {
        return nullCount;
    }

    RowColumn.Tag tag() {
        return (RowColumn.Tag) column;
    }

    /// For each code of a tag the stream's, -1 where the stream has none; perhaps more of them than there are codes.
    int[] codes() {
        if (codes.length == 0) {
            codes = dictionary.orElseThrow().translate(tag());
        }
        return codes;
    }

    /// Whether the stream's codes of a tag are the chunk's.
    boolean isSame() {
        return dictionary.orElseThrow().isSame(tag());
    }

    /// The stream's code of one of a tag's.
    ///
    /// @throws IllegalStateException if it has none
    int code(int ofChunk) {
        if (numbers.length == 0) {
            if (isWorthALookUp()) {
                return lookUp(ofChunk);
            }
            numbers = tag().valueNumbers();
            byNumber = dictionary.orElseThrow().codes(tag().numbers().index());
        }
        int number = numbers[ofChunk];
        int code = number < 0 ? number : byNumber[number];
        if (code < 0) {
            code = dictionary.orElseThrow().translate(tag(), ofChunk);
        }
        if (code < 0) {
            throw unknownValue();
        }
        return code;
    }

    /// Whether nobody knows the numbers of the chunk's values yet, and few are asked for so far.
    private boolean isWorthALookUp() {
        return lookedUp < tag().dictionary().getValueCount() / VALUES_PER_LOOKUP
                && !tag().numbers().areKnown(tag().dictionary());
    }

    private int lookUp(int ofChunk) {
        if (ofChunk != lastOfChunk) {
            lookedUp++;
            lastCode = dictionary.orElseThrow().find(tag().dictionary().get(ofChunk));
            lastOfChunk = ofChunk;
            if (lastCode < 0) {
                throw unknownValue();
            }
        }
        return lastCode;
    }

    IllegalStateException unknownValue() {
        return new IllegalStateException("tag '%s' has a value that was not there when the query started"
                .formatted(column.schema().name()));
    }
}
