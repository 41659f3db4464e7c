package io.sluice.ingester.lineprotocol;

import io.sluice.model.ColumnType;
import java.util.Arrays;

/// One point as it was read, before it is known to be good: nothing of it is in a column yet. Used again for each
/// point. One thread.
final class Point {
    private static final int FIRST_ENTRIES = 16;

    private long number;
    private long timestampNs;

    int tagCount;
    Column.Tag[] tags = new Column.Tag[FIRST_ENTRIES];
    private Column.Tag[] ownTags = tags;

    /// The code of each tag's value, or [ByteInterner#NOT_FOUND].
    int[] tagCodes = new int[FIRST_ENTRIES];

    /// The hash and the text of each tag's value.
    int[] tagHashes = new int[FIRST_ENTRIES];

    long[] tagTexts = new long[FIRST_ENTRIES];

    int fieldCount;
    Column.Field[] fields = new Column.Field[FIRST_ENTRIES];
    ColumnType[] fieldTypes = new ColumnType[FIRST_ENTRIES];

    /// The bits of each number, 1 or 0 for a boolean, the text of a string.
    long[] fieldBits = new long[FIRST_ENTRIES];

    /// Begins the next point.
    void begin() {
        number++;
        tags = ownTags;
        tagCount = 0;
        fieldCount = 0;
    }

    /// Different for each point.
    long number() {
        return number;
    }

    long timestampNs() {
        return timestampNs;
    }

    void setTimestampNs(long timestampNs) {
        this.timestampNs = timestampNs;
    }

    void addTag(Column.Tag tag, int code, int hash, long text) {
        if (tagCount == tags.length) {
            ownTags = Arrays.copyOf(tags, tagCount << 1);
            tags = ownTags;
            reserveTags(tags.length);
        }
        tags[tagCount] = tag;
        tagCodes[tagCount] = code;
        tagHashes[tagCount] = hash;
        tagTexts[tagCount] = text;
        tagCount++;
    }

    /// Sets all tags; codes, and hashes and texts if need be, are to follow. The array is only read.
    void setTags(Column.Tag[] all) {
        tags = all;
        tagCount = all.length;
        reserveTags(tagCount);
    }

    /// The tags.
    Column.Tag[] copyOfTags() {
        return Arrays.copyOf(tags, tagCount);
    }

    private void reserveTags(int capacity) {
        if (capacity > tagCodes.length) {
            tagCodes = Arrays.copyOf(tagCodes, capacity);
            tagHashes = Arrays.copyOf(tagHashes, capacity);
            tagTexts = Arrays.copyOf(tagTexts, capacity);
        }
    }

    /// Sets a field; of a field that stands twice in a point, the last value wins.
    void setField(Column.Field field, ColumnType type, long bits) {
        int entry = field.entryIn(number, fieldCount);
        if (entry == fieldCount) {
            if (fieldCount == fields.length) {
                int capacity = fieldCount << 1;
                fields = Arrays.copyOf(fields, capacity);
                fieldTypes = Arrays.copyOf(fieldTypes, capacity);
                fieldBits = Arrays.copyOf(fieldBits, capacity);
            }
            fieldCount++;
        }
        fields[entry] = field;
        fieldTypes[entry] = type;
        fieldBits[entry] = bits;
    }
}
