package io.sluice.ingester.door;

import io.sluice.model.ColumnSchema;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/// One column of a decoded table. All buffers are little-endian, read-only views whose content is `[0, limit)`; readers
/// use absolute access only, so that any number of threads may read.
///
/// @param validity bit i set = row i present, LSB first; empty = all present. At least `(rows + 7) / 8`
///     bytes.
public record DecodedColumn(ColumnSchema schema, Optional<ByteBuffer> validity, Values values) {
    /// The values of all rows, those of null rows included (they mean nothing).
    public sealed interface Values {
        /// 8 bytes for each row.
        record Int64s(ByteBuffer data) implements Values {}

        /// 8 bytes for each row.
        record UInt64s(ByteBuffer data) implements Values {}

        /// 8 bytes for each row.
        record Float64s(ByteBuffer data) implements Values {}

        /// A bitmap, LSB first.
        record Bools(ByteBuffer bits) implements Values {}

        /// Row i is `data[offsets[i], offsets[i + 1])`: `rows + 1` offsets of 4 bytes that never go backwards, the
        /// first 0 and the last no greater than the data's length. Each row present is valid UTF-8 by itself.
        record Strings(ByteBuffer data, ByteBuffer offsets) implements Values {}

        /// Row i is `values[codes[i]]`: codes of 4 bytes; each row present has one below `values.size()`. A value may
        /// stand twice.
        record Dictionary(List<String> values, ByteBuffer codes) implements Values {
            public Dictionary {
                values = List.copyOf(values);
            }
        }
    }

    /// Whether a row has a value.
    public boolean isPresent(int row) {
        return validity.isEmpty() || (validity.get().get(row >> 3) >> (row & 7) & 1) != 0;
    }
}
