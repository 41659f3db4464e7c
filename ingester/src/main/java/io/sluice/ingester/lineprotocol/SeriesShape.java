package io.sluice.ingester.lineprotocol;

/// What the series of one table with the same tags in the same order have in common, and which columns those are in the
/// body being read, once a point has told. One thread.
final class SeriesShape {
    private static final Column.Tag[] NO_COLUMNS = {};

    private final SeriesTag[] tags;
    private Column.Tag[] columns = NO_COLUMNS;
    private boolean bound;
    private int tableId;
    private long bodyNumber;

    SeriesShape(SeriesTag[] tags) {
        this.tags = tags;
    }

    SeriesTag tag(int position) {
        return tags[position];
    }

    /// Whether the columns are known.
    boolean isBound() {
        return bound;
    }

    /// The columns are those of a point that has become a row.
    ///
    /// @param ofTable the number of its table in the body
    /// @param ofBody the number of the body
    void bind(Point point, int ofTable, long ofBody) {
        columns = point.copyOfTags();
        tableId = ofTable;
        bodyNumber = ofBody;
        bound = true;
    }

    /// Forgets the columns.
    void unbind() {
        columns = NO_COLUMNS;
        bound = false;
    }

    /// Fills in the table and the tags of a series.
    ///
    /// @param values the numbers of the tags' values, from `first` on
    /// @param from where the series' text stands in the body
    Table fill(Point point, Tables tables, int[] values, int first, byte[] body, int from) {
        point.setTags(columns);
        for (int i = 0; i < tags.length; i++) {
            SeriesTag tag = tags[i];
            int value = values[first + i];
            if (tag.hasCode(value, bodyNumber)) {
                point.tagCodes[i] = tag.code(value);
            } else {
                findCode(point, i, value, body, from + valueAt(i, values, first));
            }
        }
        return tables.open(tableId);
    }

    /// Where a tag's value begins in the text.
    private int valueAt(int position, int[] values, int first) {
        int at = tags[position].headBytes();
        for (int i = 0; i < position; i++) {
            at += tags[i].headBytes() + tags[i].lengthBytes(values[first + i]);
        }
        return at;
    }

    private void findCode(Point point, int position, int value, byte[] body, int at) {
        SeriesTag tag = tags[position];
        int hash = tag.hash(value);
        int lengthBytes = tag.lengthBytes(value);
        int code = columns[position].dictionary().find(hash, body, at, lengthBytes);
        if (code != ByteInterner.NOT_FOUND) {
            tag.setCode(value, code, bodyNumber);
        }
        point.tagCodes[position] = code;
        point.tagHashes[position] = hash;
        point.tagTexts[position] = Text.inBody(at, lengthBytes);
    }
}
