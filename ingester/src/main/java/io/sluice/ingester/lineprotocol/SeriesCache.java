package io.sluice.ingester.lineprotocol;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The series that points belonged to, also in bodies before: the text of a table's name and of tags up to the space
/// behind them, and what it says. Series come again and again, mostly in the same order, so that most points are
/// compared with one text as a whole, and none of their tags is read.
///
/// A text is kept as it stood in a good point, if it has no backslash: wherever it stands again, with a space behind
/// it, it says the same. What that means in a body is found out by the first point of each [SeriesShape], which is
/// read like any other: whether the table takes the tags, and which columns they are.
///
/// Bounded in bytes. A full cache takes no new series, and looks seldom as long as it knows none of those that come; if
/// it turns out to be of little use, it forgets all and begins again. One thread.
final class SeriesCache {
    /// The longest text that is kept.
    static final int MAX_TEXT_BYTES = 4_096;

    private static final int NOT_FOUND = ByteInterner.NOT_FOUND;

    /// What a series, a value and a shape take apart from their texts, arrays that are half empty included.
    private static final int SERIES_BYTES = 64;
    private static final int VALUE_BYTES = 64;
    private static final int SHAPE_BYTES = 512;
    private static final int SHAPE_TAG_BYTES = 512;

    /// A full cache that did not know so many points in a row looks only at one of [#SELDOM] from then on.
    private static final int MISSES_TO_DOZE = 64;
    private static final int SELDOM = 16;
    /// A full cache that knows less than one of so many points forgets all.
    private static final int USEFUL_SHARE = 8;

    private final long hashSeed;
    private final long maxBytes;

    private ByteInterner texts;
    private ByteInterner shapeTexts;
    private final List<SeriesShape> shapes = new ArrayList<>();
    private SeriesShape[] shapeOf = {}; // of each series
    private int[] successors = {}; // of each series: the one that came behind it last
    private int[] firstValues = {}; // of each series, in values
    private int[] values = {};
    private int valueCount;
    private long chargedBytes;
    private boolean full;

    // What was told apart since the cache was full, or since it was last judged.
    private long looks;
    private long hits;
    private int missesInARow;
    private int skipped;

    private long bodyNumber;
    private long filledRows;
    private final List<SeriesShape> bound = new ArrayList<>();
    private int last = NOT_FOUND;

    // Of the point that was looked at last.
    private int found = NOT_FOUND;
    private int from;
    private boolean filled;
    private int newTextBytes; // 0: not to be kept
    private int newTextHash;

    /// @param maxBytes a series with ten tags takes 400 or so
    SeriesCache(long hashSeed, long maxBytes) {
        this.hashSeed = hashSeed;
        this.maxBytes = maxBytes;
        this.texts = new ByteInterner(hashSeed, Buffers.NEW);
        this.shapeTexts = new ByteInterner(hashSeed, Buffers.NEW);
    }

    /// How many series are known.
    int size() {
        return texts.size();
    }

    /// Begins with a body.
    void begin() {
        bodyNumber++;
        filledRows = 0;
    }

    /// Ends with the body: nothing of its tables is kept.
    void end() {
        bound.forEach(SeriesShape::unbind);
        bound.clear();
    }

    /// Whether the point at `body[at]` belongs to a series that is known, and its shape is known in this body: then
    /// [#fill] is to be called for its tags. If it becomes a row, [#learn] is to be called.
    boolean find(byte[] body, int at, int end) {
        from = at;
        newTextBytes = 0;
        filled = false;
        found = last == NOT_FOUND ? NOT_FOUND : successors[last];
        if (found == NOT_FOUND || !isAt(found, body, at, end)) {
            found = full && missesInARow >= MISSES_TO_DOZE && ++skipped % SELDOM != 0
                    ? NOT_FOUND
                    : search(body, at, end);
            if (found == NOT_FOUND) {
                return false;
            }
        }
        hits++;
        missesInARow = 0;
        last = found;
        return shapeOf[found].isBound();
    }

    private boolean isAt(int id, byte[] body, int at, int end) {
        int start = texts.start(id);
        int stop = texts.end(id);
        int behind = at + stop - start;
        return behind < end && body[behind] == ' ' && Arrays.equals(texts.content(), start, stop, body, at, behind);
    }

    private int search(byte[] body, int at, int end) {
        int lengthBytes = textBytes(body, at, end);
        if (lengthBytes == 0) {
            return NOT_FOUND;
        }
        if (full && ++looks > texts.size()) {
            judge();
        }
        int hash = texts.hash(body, at, lengthBytes);
        int id = texts.find(hash, body, at, lengthBytes);
        if (id == NOT_FOUND) {
            newTextHash = hash;
            newTextBytes = lengthBytes;
            missesInARow++;
        } else {
            follow(id);
        }
        return id;
    }

    /// Length of the text up to the first space, or 0 if it cannot be kept.
    private static int textBytes(byte[] body, int at, int end) {
        int to = Math.min(end, at + MAX_TEXT_BYTES + 1);
        for (int i = at; i < to; i++) {
            byte b = body[i];
            if (b == ' ') {
                return i - at;
            }
            if (b == '\\' || b == '\n') {
                return 0;
            }
        }
        return 0;
    }

    private void follow(int id) {
        if (last != NOT_FOUND) {
            successors[last] = id;
        }
    }

    /// Forgets all if too few points were known.
    private void judge() {
        if (hits * USEFUL_SHARE < looks + hits) {
            forgetAll();
        }
        looks = 0;
        hits = 0;
    }

    private void forgetAll() {
        end();
        texts = new ByteInterner(hashSeed, Buffers.NEW);
        shapeTexts = new ByteInterner(hashSeed, Buffers.NEW);
        shapes.clear();
        shapeOf = new SeriesShape[0];
        successors = new int[0];
        firstValues = new int[0];
        values = new int[0];
        valueCount = 0;
        chargedBytes = 0;
        full = false;
        missesInARow = 0;
        last = NOT_FOUND;
    }

    /// Fills in the tags of the point that was found.
    ///
    /// @return its table
    Table fill(Point point, Tables tables, byte[] body) {
        filled = true;
        return shapeOf[found].fill(point, tables, values, firstValues[found], body, from);
    }

    /// How many points of the body were filled in and became rows.
    long filledRows() {
        return filledRows;
    }

    /// Length of the text of the point that was found.
    int lengthBytes() {
        return texts.end(found) - texts.start(found);
    }

    /// Takes notice of a point that became a row.
    void learn(Point point, Tables tables, byte[] body) {
        if (filled) {
            filledRows++;
            return;
        }
        if (found == NOT_FOUND && newTextBytes > 0 && !full) {
            add(point, body);
        }
        if (found != NOT_FOUND && !shapeOf[found].isBound()) {
            shapeOf[found].bind(point, tables.current(), bodyNumber);
            bound.add(shapeOf[found]);
        }
    }

    private void add(Point point, byte[] body) {
        SeriesShape shape = shape(point, body);
        reserve(point.tagCount);
        int id = texts.size();
        shapeOf[id] = shape;
        successors[id] = NOT_FOUND;
        firstValues[id] = valueCount;
        for (int i = 0; i < point.tagCount; i++) {
            long text = point.tagTexts[i];
            int lengthBytes = Text.lengthBytes(text);
            SeriesTag tag = shape.tag(i);
            int value = tag.find(point.tagHashes[i], body, Text.from(text), lengthBytes);
            if (value == NOT_FOUND) {
                value = tag.add(point.tagHashes[i], body, Text.from(text), lengthBytes);
                chargedBytes += VALUE_BYTES + lengthBytes;
            }
            values[valueCount++] = value;
        }
        texts.add(newTextHash, body, from, newTextBytes);
        chargedBytes += SERIES_BYTES + newTextBytes + (long) point.tagCount * Integer.BYTES;
        full = chargedBytes >= maxBytes;
        found = id;
        follow(id);
        last = id;
    }

    /// The shape of a point, whose text is that of the table and the keys.
    private SeriesShape shape(Point point, byte[] body) {
        byte[] text = new byte[newTextBytes];
        int textBytes = 0;
        SeriesTag[] tags = new SeriesTag[point.tagCount];
        int at = from;
        for (int i = 0; i < tags.length; i++) {
            int value = Text.from(point.tagTexts[i]);
            int headBytes = value - at;
            System.arraycopy(body, at, text, textBytes, headBytes);
            textBytes += headBytes;
            tags[i] = new SeriesTag(headBytes, hashSeed);
            at = value + Text.lengthBytes(point.tagTexts[i]);
        }
        if (tags.length == 0) {
            System.arraycopy(body, from, text, 0, newTextBytes);
            textBytes = newTextBytes;
        }
        int hash = shapeTexts.hash(text, 0, textBytes);
        int id = shapeTexts.find(hash, text, 0, textBytes);
        if (id == NOT_FOUND) {
            id = shapeTexts.add(hash, text, 0, textBytes);
            shapes.add(new SeriesShape(tags));
            chargedBytes += SHAPE_BYTES + textBytes + (long) tags.length * SHAPE_TAG_BYTES;
        }
        return shapes.get(id);
    }

    private void reserve(int addedValues) {
        if (texts.size() == successors.length) {
            int capacity = Math.max(16, successors.length << 1);
            shapeOf = Arrays.copyOf(shapeOf, capacity);
            successors = Arrays.copyOf(successors, capacity);
            firstValues = Arrays.copyOf(firstValues, capacity);
        }
        if (valueCount + addedValues > values.length) {
            values = Arrays.copyOf(values, Math.max(valueCount + addedValues, values.length << 1));
        }
    }
}
