package io.sluice.persist.parquet;

import io.sluice.model.ColumnName;
import io.sluice.rows.merge.RowWindow;
import java.io.IOException;
import java.util.Arrays;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.column.values.bloomfilter.BlockSplitBloomFilter;
import org.apache.parquet.io.api.Binary;

/// Encodes a tag: always in a dictionary of the values that the row group has, in the order in which they come; run by
/// run, as rows are sorted by tags. Works in memory that is used again. For one thread.
final class TagChunk {
    /// Distinct values in a row group from which on there is a bloom filter: a reader that looks for one of few reads
    /// the dictionary as quickly.
    static final int BLOOM_VALUES = 256;

    private static final double BLOOM_FALSE_POSITIVES = 0.01;
    private static final int FIRST_RUNS = 1_024;

    private final PageBytes page;
    private final PageLevels levels;
    private final HybridEncoder codes;
    private int[] runPlaces = new int[FIRST_RUNS];
    private int[] runRows = new int[FIRST_RUNS];
    private int runCount;
    /// By place among the tag's values: code + 1; 0 = not in the row group.
    private int[] codeOf = new int[0];

    private int[] used = new int[FIRST_RUNS];
    private int usedCount;

    TagChunk(PageBytes page, PageLevels levels) {
        this.page = page;
        this.levels = levels;
        this.codes = new HybridEncoder(page);
    }

    /// Looks at the tag of all rows of the window.
    ///
    /// @param distinct how many values the tag has in all
    void read(ColumnName tag, RowWindow window, int distinct) {
        runCount = 0;
        usedCount = 0;
        if (codeOf.length < distinct) {
            codeOf = new int[distinct];
        } else {
            Arrays.fill(codeOf, 0, distinct, 0);
        }
        window.tag(tag, this::add);
    }

    private void add(int place, int rows) {
        if (runCount == runPlaces.length) {
            runPlaces = Arrays.copyOf(runPlaces, 2 * runCount);
            runRows = Arrays.copyOf(runRows, 2 * runCount);
        }
        runPlaces[runCount] = place;
        runRows[runCount++] = rows;
        if (place >= 0 && codeOf[place] == 0) {
            if (usedCount == used.length) {
                used = Arrays.copyOf(used, 2 * usedCount);
            }
            used[usedCount++] = place;
            codeOf[place] = usedCount;
        }
    }

    /// Writes what was read.
    ///
    /// @param values of the tag, in order
    void write(byte[][] values, int pageRows, ChunkWriter writer) throws IOException {
        int run = 0;
        int done = 0; // rows of that run
        while (run < runCount) {
            Page next = page(values, pageRows, writer, run, done);
            run = next.run;
            done = next.done;
        }
        if (usedCount > 0) {
            page.clear();
            for (int i = 0; i < usedCount; i++) {
                byte[] value = values[used[i]];
                page.putInt(value.length);
                page.put(value, 0, value.length);
            }
            writer.dictionary(page, usedCount);
        }
        if (usedCount >= BLOOM_VALUES) {
            writer.bloomFilter(bloomFilter(values));
        }
    }

    /// Where the next page begins: in a run, behind so many of its rows.
    private record Page(int run, int done) {}

    private Page page(byte[][] values, int pageRows, ChunkWriter writer, int firstRun, int doneBefore)
            throws IOException {
        page.clear();
        int run = firstRun;
        int done = doneBefore;
        int rows = 0;
        levels.begin();
        while (run < runCount && rows < pageRows) {
            int count = Math.min(runRows[run] - done, pageRows - rows);
            levels.run(runPlaces[run] >= 0, count);
            rows += count;
            done += count;
            if (done == runRows[run]) {
                run++;
                done = 0;
            }
        }
        levels.end();
        Statistics<?> statistics = writer.newStatistics();
        long textBytes = writeCodes(values, firstRun, doneBefore, rows, statistics);
        writer.page(page, rows, statistics, textBytes, usedCount == 0 ? Encoding.PLAIN : ChunkWriter.DICTIONARY);
        return new Page(run, done);
    }

    private long writeCodes(byte[][] values, int firstRun, int doneBefore, int rows, Statistics<?> statistics) {
        if (usedCount == 0) {
            statistics.incrementNumNulls(rows);
            return 0;
        }
        int width = HybridEncoder.width(usedCount);
        page.put(width);
        codes.begin(page, width);
        long textBytes = 0;
        int nulls = 0;
        int least = Integer.MAX_VALUE;
        int greatest = -1;
        int left = rows;
        int done = doneBefore;
        for (int run = firstRun; left > 0; run++) {
            int count = Math.min(runRows[run] - done, left);
            int place = runPlaces[run];
            done = 0;
            left -= count;
            if (place < 0) {
                nulls += count;
                continue;
            }
            codes.run(codeOf[place] - 1, count);
            textBytes += (long) count * values[place].length;
            least = Math.min(least, place);
            greatest = Math.max(greatest, place);
        }
        codes.end();
        statistics.incrementNumNulls(nulls);
        if (greatest >= 0) {
            statistics.updateStats(Binary.fromConstantByteArray(values[least]));
            statistics.updateStats(Binary.fromConstantByteArray(values[greatest]));
        }
        return textBytes;
    }

    private BlockSplitBloomFilter bloomFilter(byte[][] values) {
        int bits = BlockSplitBloomFilter.optimalNumOfBits(usedCount, BLOOM_FALSE_POSITIVES);
        BlockSplitBloomFilter filter = new BlockSplitBloomFilter(bits / Byte.SIZE);
        for (int i = 0; i < usedCount; i++) {
            filter.insertHash(filter.hash(Binary.fromConstantByteArray(values[used[i]])));
        }
        return filter;
    }
}
