package io.sluice.ingester.lineprotocol;

import io.sluice.model.ColumnSchema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// What was read of one line so far: its values, its new columns, and the token read last. Used again for each line, so
/// that a line makes no objects. For one thread.
final class LineScratch {
    /// The token read last stands in `source` from `from` to `to`.
    byte[] source = new byte[0];

    int from;
    int to;
    /// Newlines within the line.
    int newlines;

    /// Tokens with escapes, without them. A token stays where it is until the line ends, even when this moves.
    private byte[] text = new byte[256];

    private int textStart;
    private int textEnd;

    private int[] columns = new int[32];
    private long[] numbers = new long[32];
    private byte[][] texts = new byte[32][];
    private int[] textFroms = new int[32];
    private int[] textTos = new int[32];
    private int count;

    private final List<ColumnSchema> newSchemas = new ArrayList<>();
    private byte[] names = new byte[256];
    private int[] nameEnds = new int[32];

    void clear() {
        newlines = 0;
        textStart = 0;
        textEnd = 0;
        count = 0;
        newSchemas.clear();
    }

    /// Begins a token that is put together.
    void beginText() {
        textStart = textEnd;
    }

    void append(byte[] bytes, int begin, int stop) {
        int needed = textEnd + stop - begin;
        if (needed > text.length) {
            // Tokens before this one keep the old array.
            text = Arrays.copyOf(text, Math.max(needed, 2 * text.length));
        }
        System.arraycopy(bytes, begin, text, textEnd, stop - begin);
        textEnd = needed;
    }

    /// Makes what was put together the token read last.
    void endText() {
        source = text;
        from = textStart;
        to = textEnd;
    }

    void addNumber(int column, long value) {
        room();
        columns[count] = column;
        numbers[count] = value;
        count++;
    }

    void addText(int column, byte[] bytes, int begin, int stop) {
        room();
        columns[count] = column;
        texts[count] = bytes;
        textFroms[count] = begin;
        textTos[count] = stop;
        count++;
    }

    private void room() {
        if (count == columns.length) {
            columns = Arrays.copyOf(columns, 2 * count);
            numbers = Arrays.copyOf(numbers, 2 * count);
            texts = Arrays.copyOf(texts, 2 * count);
            textFroms = Arrays.copyOf(textFroms, 2 * count);
            textTos = Arrays.copyOf(textTos, 2 * count);
        }
    }

    int count() {
        return count;
    }

    /// An index, or below zero the complement of a place among the new columns.
    int column(int i) {
        return columns[i];
    }

    long number(int i) {
        return numbers[i];
    }

    byte[] text(int i) {
        return texts[i];
    }

    int textFrom(int i) {
        return textFroms[i];
    }

    int textTo(int i) {
        return textTos[i];
    }

    /// The place of a name among the line's new columns; -1 if it is not there.
    int findNew(byte[] bytes, int begin, int stop) {
        for (int place = 0; place < newSchemas.size(); place++) {
            if (Arrays.equals(names, nameStart(place), nameEnd(place), bytes, begin, stop)) {
                return place;
            }
        }
        return -1;
    }

    /// Remembers the name of the next new column.
    void keepName(byte[] bytes, int begin, int stop) {
        int place = newSchemas.size();
        int start = nameStart(place);
        int needed = start + stop - begin;
        if (needed > names.length) {
            names = Arrays.copyOf(names, Math.max(needed, 2 * names.length));
        }
        System.arraycopy(bytes, begin, names, start, stop - begin);
        if (place == nameEnds.length) {
            nameEnds = Arrays.copyOf(nameEnds, 2 * place);
        }
        nameEnds[place] = needed;
    }

    /// Takes the next new column, whose name was kept before; returns its place.
    int addNew(ColumnSchema schema) {
        newSchemas.add(schema);
        return newSchemas.size() - 1;
    }

    int newCount() {
        return newSchemas.size();
    }

    ColumnSchema newSchema(int place) {
        return newSchemas.get(place);
    }

    byte[] names() {
        return names;
    }

    int nameStart(int place) {
        return place == 0 ? 0 : nameEnds[place - 1];
    }

    int nameEnd(int place) {
        return nameEnds[place];
    }
}
