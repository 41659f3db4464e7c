package io.sluice.persist.parquet;

import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.rows.merge.NumberColumn;
import java.io.IOException;
import java.util.Arrays;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.statistics.Statistics;

/// Encodes a column of numbers or booleans. How is chosen for each row group by the values that it has:
///
/// | values                                        | encoding                                   |
/// |-----------------------------------------------|--------------------------------------------|
/// | booleans                                      | a bit for each                             |
/// | few distinct ones, so that codes are shorter  | dictionary                                 |
/// | other integers and times                      | differences, unless they need as many bits |
/// | other floats                                  | plain or byte by byte, whichever zstd makes smaller of some |
///
/// Works in memory that is used again. For one thread.
final class NumberChunk {
    private static final int BYTES = Long.BYTES;
    /// Blocks of differences that are looked at to estimate what they take.
    private static final int SAMPLED_BLOCKS = 32;
    /// Differences of more bits than this save nothing.
    private static final int MAX_DELTA_BITS = 58;
    /// Differences of so few bits, as those of times in even steps, are taken without a look at the dictionary.
    private static final int FEW_DELTA_BITS = 2;
    /// Floats that are compressed to choose their encoding.
    private static final int SAMPLED_FLOATS = 8_192;

    private final PageBytes page;
    private final PageLevels levels;
    private final HybridEncoder codes;
    private final DeltaEncoder deltas = new DeltaEncoder();
    private final NumberDictionary dictionary = new NumberDictionary();
    private int[] pageCodes = new int[0];

    NumberChunk(PageBytes page, PageLevels levels) {
        this.page = page;
        this.levels = levels;
        this.codes = new HybridEncoder(page);
    }

    /// Writes all rows of a column, whose values are moved to its front.
    void write(ColumnSchema schema, NumberColumn column, int pageRows, ChunkWriter writer, ZstdCompressor compressor)
            throws IOException {
        int count = column.compact();
        long[] values = column.values();
        Encoding encoding = choose(schema, values, count, compressor);
        int at = 0;
        int to;
        for (int from = 0; from < column.size(); from = to) {
            to = from + Math.min(pageRows, column.size() - from);
            int present = column.count(from, to);
            page.clear();
            if (writer.isOptional()) {
                levels.of(column, from, to, present);
            }
            Statistics<?> statistics = writer.newStatistics();
            statistics.incrementNumNulls((long) to - from - present);
            writeValues(schema, encoding, values, at, at + present, statistics);
            writer.page(page, to - from, statistics, 0, encoding);
            at += present;
        }
        if (encoding == ChunkWriter.DICTIONARY) {
            page.clear();
            dictionary.write(page);
            writer.dictionary(page, dictionary.size());
        }
    }

    private Encoding choose(ColumnSchema schema, long[] values, int count, ZstdCompressor compressor) {
        if (schema.type() == ColumnType.BOOL || count == 0) {
            return Encoding.PLAIN;
        }
        if (schema.type() == ColumnType.F64) {
            return dictionary.prepare(values, count) < Long.SIZE
                    ? ChunkWriter.DICTIONARY
                    : ofFloats(values, count, compressor);
        }
        double deltaBits = deltas.bitsPerValue(values, count, SAMPLED_BLOCKS);
        if (deltaBits <= FEW_DELTA_BITS) {
            return Encoding.DELTA_BINARY_PACKED;
        }
        double dictionaryBits = dictionary.prepare(values, count);
        if (dictionaryBits <= Math.min(deltaBits, MAX_DELTA_BITS)) {
            return ChunkWriter.DICTIONARY;
        }
        return deltaBits <= MAX_DELTA_BITS ? Encoding.DELTA_BINARY_PACKED : Encoding.PLAIN;
    }

    private Encoding ofFloats(long[] values, int count, ZstdCompressor compressor) {
        int from = Math.max(0, count / 2 - SAMPLED_FLOATS / 2);
        int to = Math.min(count, from + SAMPLED_FLOATS);
        page.clear();
        page.putLongs(values, from, to);
        int plain = compressor.compress(page.bytes(), 0, page.length());
        page.clear();
        splitBytes(values, from, to);
        return compressor.compress(page.bytes(), 0, page.length()) < plain
                ? Encoding.BYTE_STREAM_SPLIT
                : Encoding.PLAIN;
    }

    private void writeValues(
            ColumnSchema schema, Encoding encoding, long[] values, int from, int to, Statistics<?> statistics) {
        if (encoding == ChunkWriter.DICTIONARY) {
            writeCodes(schema, values, from, to, statistics);
            return;
        }
        if (from < to) {
            NumberBounds.add(schema, values, from, to, statistics);
        }
        if (schema.type() == ColumnType.BOOL) {
            writeBits(values, from, to);
        } else if (encoding == Encoding.DELTA_BINARY_PACKED) {
            deltas.write(values, from, to, page);
        } else if (encoding == Encoding.BYTE_STREAM_SPLIT) {
            splitBytes(values, from, to);
        } else {
            page.putLongs(values, from, to);
        }
    }

    private void writeCodes(ColumnSchema schema, long[] values, int from, int to, Statistics<?> statistics) {
        int count = to - from;
        if (pageCodes.length < count) {
            pageCodes = new int[count];
        }
        dictionary.codes(values, from, to, pageCodes);
        if (count > 0 && dictionary.isInOrder() && schema.type() == ColumnType.I64) {
            int least = Integer.MAX_VALUE;
            int greatest = 0;
            for (int i = 0; i < count; i++) {
                least = Math.min(least, pageCodes[i]);
                greatest = Math.max(greatest, pageCodes[i]);
            }
            statistics.updateStats(dictionary.value(least));
            statistics.updateStats(dictionary.value(greatest));
        } else if (count > 0) {
            NumberBounds.add(schema, values, from, to, statistics);
        }
        int width = HybridEncoder.width(dictionary.size());
        page.put(width);
        codes.begin(page, width);
        codes.all(pageCodes, 0, count);
        codes.end();
    }

    private void writeBits(long[] values, int from, int to) {
        int bytes = Math.ceilDiv(to - from, Byte.SIZE);
        byte[] into = page.reserve(bytes);
        int start = page.length();
        Arrays.fill(into, start, start + bytes, (byte) 0);
        for (int i = from; i < to; i++) {
            int bit = i - from;
            into[start + (bit >>> 3)] |= (byte) (values[i] << (bit & 7));
        }
        page.advance(bytes);
    }

    /// First the lowest byte of each value, then the next one of each.
    private void splitBytes(long[] values, int from, int to) {
        int count = to - from;
        byte[] into = page.reserve((long) count * BYTES);
        int start = page.length();
        for (int part = 0; part < BYTES; part++) {
            int shift = part * Byte.SIZE;
            for (int i = 0; i < count; i++) {
                into[start + i] = (byte) (values[from + i] >>> shift);
            }
            start += count;
        }
        page.advance(count * BYTES);
    }
}
