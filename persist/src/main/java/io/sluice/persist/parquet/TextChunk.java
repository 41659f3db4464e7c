package io.sluice.persist.parquet;

import io.sluice.rows.merge.TextColumn;
import io.sluice.rows.merge.TextNumbers;
import java.io.IOException;
import java.util.Arrays;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.io.api.Binary;

/// Encodes a string field: in a dictionary as long as its values repeat and take less than a page of 1 MiB, else their
/// lengths as differences and then their bytes. Works in memory that is used again. For one thread.
final class TextChunk {
    private static final int DICTIONARY_BYTES = 1 << 20;
    /// A page ends before its rows do if its texts have so many bytes.
    private static final int PAGE_BYTES = 8 << 20;

    private final PageBytes page;
    private final PageLevels levels;
    private final HybridEncoder codes;
    private final DeltaEncoder deltas = new DeltaEncoder();
    private final PageBytes texts = new PageBytes();
    private long[] lengths = new long[0];
    private int[] pageCodes = new int[0];
    /// By code: the number of the last page that has it.
    private int[] lastPages = new int[0];

    private TextNumbers dictionary = new TextNumbers();
    private boolean isDictionary;
    private int pageNumber;

    TextChunk(PageBytes page, PageLevels levels) {
        this.page = page;
        this.levels = levels;
        this.codes = new HybridEncoder(page);
    }

    /// Writes all rows of a column.
    void write(TextColumn column, int pageRows, ChunkWriter writer) throws IOException {
        dictionary = new TextNumbers();
        isDictionary = true;
        pageNumber = 0;
        int dictionarySize = 0;
        int to;
        for (int from = 0; from < column.size(); from = to) {
            to = from + Math.min(pageRows, column.size() - from);
            page.clear();
            to = gather(column, from, to);
            int present = presentCount;
            Statistics<?> statistics = writer.newStatistics();
            statistics.incrementNumNulls((long) to - from - present);
            pageNumber++;
            if (isDictionary && !number(present)) {
                isDictionary = false;
            }
            Encoding encoding;
            if (present == 0) {
                encoding = Encoding.PLAIN;
            } else if (isDictionary) {
                encoding = ChunkWriter.DICTIONARY;
                dictionarySize = dictionary.size();
                writeCodes(present, statistics);
            } else {
                encoding = Encoding.DELTA_LENGTH_BYTE_ARRAY;
                writePlain(present, statistics);
            }
            writer.page(page, to - from, statistics, texts.length(), encoding);
        }
        if (dictionarySize > 0) {
            writeDictionary(dictionarySize, writer);
        }
    }

    private int presentCount;

    /// Writes levels, and takes the texts of the rows from `from` on, to `to` or until they are many bytes; returns
    /// the row behind them.
    private int gather(TextColumn column, int from, int to) {
        texts.clear();
        if (lengths.length < to - from) {
            lengths = new long[to - from];
            pageCodes = new int[to - from];
        }
        presentCount = 0;
        levels.begin();
        int row = from;
        for (; row < to && texts.length() < PAGE_BYTES; row++) {
            boolean isPresent = column.isPresent(row);
            levels.run(isPresent, 1);
            if (isPresent) {
                int length = column.length(row);
                column.copy(row, texts.reserve(length), texts.length());
                texts.advance(length);
                lengths[presentCount++] = length;
            }
        }
        levels.end();
        return row;
    }

    /// Finds the codes of the page's values; false if a dictionary is not worth it, or is full.
    private boolean number(int present) {
        int at = 0;
        for (int i = 0; i < present; i++) {
            pageCodes[i] = dictionary.number(texts.bytes(), at, (int) lengths[i]);
            at += (int) lengths[i];
            if (dictionary.usedBytes() > DICTIONARY_BYTES) {
                return false;
            }
        }
        return pageNumber > 1 || dictionary.size() <= Math.max(1, present / 2);
    }

    private void writeCodes(int present, Statistics<?> statistics) {
        if (lastPages.length < dictionary.size()) {
            lastPages = new int[2 * dictionary.size()];
        } else if (pageNumber == 1) {
            Arrays.fill(lastPages, 0);
        }
        int least = pageCodes[0];
        int greatest = pageCodes[0];
        for (int i = 0; i < present; i++) {
            int code = pageCodes[i];
            if (lastPages[code] != pageNumber) {
                lastPages[code] = pageNumber;
                least = dictionary.compare(code, least) < 0 ? code : least;
                greatest = dictionary.compare(code, greatest) > 0 ? code : greatest;
            }
        }
        statistics.updateStats(Binary.fromConstantByteArray(dictionary.value(least)));
        statistics.updateStats(Binary.fromConstantByteArray(dictionary.value(greatest)));
        int width = HybridEncoder.width(dictionary.size());
        page.put(width);
        codes.begin(page, width);
        codes.all(pageCodes, 0, present);
        codes.end();
    }

    private void writePlain(int present, Statistics<?> statistics) {
        byte[] bytes = texts.bytes();
        int leastAt = 0;
        int leastEnd = (int) lengths[0];
        int greatestAt = 0;
        int greatestEnd = leastEnd;
        int at = 0;
        for (int i = 0; i < present; i++) {
            int end = at + (int) lengths[i];
            if (Arrays.compareUnsigned(bytes, at, end, bytes, leastAt, leastEnd) < 0) {
                leastAt = at;
                leastEnd = end;
            } else if (Arrays.compareUnsigned(bytes, at, end, bytes, greatestAt, greatestEnd) > 0) {
                greatestAt = at;
                greatestEnd = end;
            }
            at = end;
        }
        statistics.updateStats(Binary.fromConstantByteArray(Arrays.copyOfRange(bytes, leastAt, leastEnd)));
        statistics.updateStats(Binary.fromConstantByteArray(Arrays.copyOfRange(bytes, greatestAt, greatestEnd)));
        deltas.write(lengths, 0, present, page);
        page.put(bytes, 0, texts.length());
    }

    private void writeDictionary(int size, ChunkWriter writer) throws IOException {
        page.clear();
        for (int code = 0; code < size; code++) {
            int start = dictionary.start(code);
            int length = dictionary.end(code) - start;
            page.putInt(length);
            page.put(dictionary.bytes(), start, length);
        }
        writer.dictionary(page, size);
    }
}
