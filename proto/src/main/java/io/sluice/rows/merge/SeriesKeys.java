package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.vector.IntVector;

/// The combinations of tags' values that occur, numbered from 0 on in the order of the ranks: the series of the rows.
///
/// The ranks of a row are packed into a number of 62 bits, which is looked up once for each row; only the distinct
/// ones are sorted. Tags that do not fit go into further rounds, in front of each the number that the round before
/// gave: so the order is kept. 8 bytes for each series and round.
final class SeriesKeys {
    private static final int KEY_BITS = 62;
    private static final int BLOCK_ROWS = 2_048;

    /// Some of the tags, packed.
    ///
    /// @param first of the tags
    /// @param shifts of each tag's rank in the key
    /// @param prefixShift of the number that the round before gave
    /// @param keys by series
    private record Round(int first, int[] shifts, int prefixShift, long[] keys) {}

    private final List<TagRanks> tags;
    private final List<Round> rounds;
    private final int count;

    private SeriesKeys(List<TagRanks> tags, List<Round> rounds, int count) {
        this.tags = tags;
        this.rounds = rounds;
        this.count = count;
    }

    /// Numbers the rows.
    ///
    /// @param names of the tags, in the order in which they count
    /// @param tags their ranks
    /// @param series takes the number of each row's series, in arrival order
    static SeriesKeys number(List<ColumnName> names, List<TagRanks> tags, List<RowBatch> batches, int[] series) {
        List<Round> rounds = new ArrayList<>();
        int count = 1;
        int first = 0;
        while (first < tags.size()) {
            int prefixBits = Integer.SIZE - Integer.numberOfLeadingZeros(count - 1);
            int last = first;
            int bits = prefixBits;
            while (last < tags.size() && bits + tags.get(last).bits() <= KEY_BITS) {
                bits += tags.get(last++).bits();
            }
            int[] shifts = new int[last - first];
            int prefixShift = 0;
            for (int tag = last - 1; tag >= first; tag--) {
                shifts[tag - first] = prefixShift;
                prefixShift += tags.get(tag).bits();
            }
            Packer packer = new Packer(names.subList(first, last), tags.subList(first, last), shifts, prefixShift);
            long[] keys = packer.number(batches, series);
            rounds.add(new Round(first, shifts, prefixShift, keys));
            count = keys.length;
            first = last;
        }
        return new SeriesKeys(List.copyOf(tags), rounds, series.length == 0 ? 0 : count);
    }

    /// How many series there are.
    int count() {
        return count;
    }

    /// The rank of a tag in a series: 0 = null, else 1 + place among the tag's values.
    int rank(int tag, int series) {
        int number = series;
        for (int round = rounds.size() - 1; round >= 0; round--) {
            Round of = rounds.get(round);
            long key = of.keys[number];
            if (tag >= of.first) {
                int bits = tags.get(tag).bits();
                return (int) (key >>> of.shifts[tag - of.first] & (1L << bits) - 1);
            }
            number = (int) (key >>> of.prefixShift);
        }
        throw new IllegalArgumentException("there is no tag " + tag);
    }

    /// One round.
    private record Packer(List<ColumnName> names, List<TagRanks> tags, int[] shifts, int prefixShift) {
        /// Replaces each row's number by that of what it is together with this round's tags.
        long[] number(List<RowBatch> batches, int[] series) {
            LongNumbers numbers = new LongNumbers();
            long[] packed = new long[BLOCK_ROWS];
            int[] codes = new int[BLOCK_ROWS];
            int at = 0;
            for (int i = 0; i < batches.size(); i++) {
                RowBatch batch = batches.get(i);
                List<Codes> columns = columns(batch, i);
                for (int from = 0; from < batch.rowCount(); from += BLOCK_ROWS) {
                    int rows = Math.min(BLOCK_ROWS, batch.rowCount() - from);
                    for (int row = 0; row < rows; row++) {
                        packed[row] = (long) series[at + row] << prefixShift;
                    }
                    for (Codes column : columns) {
                        column.pack(from, rows, codes, packed);
                    }
                    number(packed, rows, numbers, series, at);
                    at += rows;
                }
            }
            return inOrder(numbers, series);
        }

        private List<Codes> columns(RowBatch batch, int number) {
            List<Codes> columns = new ArrayList<>();
            for (int tag = 0; tag < names.size(); tag++) {
                Optional<RowColumn> column = batch.find(names.get(tag));
                if (batch.rowCount() > 0 && column.isPresent() && column.get() instanceof RowColumn.Tag found) {
                    columns.add(Codes.of(
                            found.codes(), batch.rowCount(), tags.get(tag).ranks()[number], shifts[tag]));
                }
            }
            return columns;
        }

        private static void number(long[] packed, int rows, LongNumbers numbers, int[] series, int at) {
            long last = 0;
            int number = -1;
            for (int row = 0; row < rows; row++) {
                if (number < 0 || packed[row] != last) {
                    last = packed[row];
                    number = numbers.number(last);
                }
                series[at + row] = number;
            }
        }

        /// From the order of arrival to that of the keys.
        private static long[] inOrder(LongNumbers numbers, int[] series) {
            long[] keys = numbers.values();
            int[] arrived = new int[keys.length];
            for (int number = 0; number < arrived.length; number++) {
                arrived[number] = number;
            }
            LongIntSort.sort(keys, arrived, 0, keys.length);
            int[] places = new int[keys.length];
            for (int place = 0; place < places.length; place++) {
                places[arrived[place]] = place;
            }
            for (int row = 0; row < series.length; row++) {
                series[row] = places[series[row]];
            }
            return keys;
        }
    }

    /// The codes of a tag in one batch.
    ///
    /// @param validity empty if all rows have a value
    private record Codes(IntBuffer codes, Optional<ByteBuffer> validity, int[] ranks, int shift) {
        static Codes of(IntVector codes, int rows, int[] ranks, int shift) {
            Optional<ByteBuffer> validity =
                    codes.getNullCount() == 0 ? Optional.empty() : Optional.of(Vectors.validity(codes, rows));
            return new Codes(Vectors.ints(codes, rows), validity, ranks, shift);
        }

        /// Adds the ranks of rows to their keys.
        void pack(int from, int rows, int[] block, long[] packed) {
            codes.get(from, block, 0, rows);
            if (validity.isPresent()) {
                ByteBuffer bits = validity.get();
                for (int row = 0; row < rows; row++) {
                    if (Vectors.bit(bits, from + row) != 0) {
                        packed[row] |= (long) ranks[block[row]] << shift;
                    }
                }
                return;
            }
            for (int row = 0; row < rows; row++) {
                packed[row] |= (long) ranks[block[row]] << shift;
            }
        }
    }
}
