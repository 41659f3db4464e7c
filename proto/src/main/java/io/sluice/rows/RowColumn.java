package io.sluice.rows;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.util.TransferPair;

/// One column of a [RowBatch].
///
/// | kind, type     | vector                                             |
/// |----------------|----------------------------------------------------|
/// | TIME           | [TimeStampNanoTZVector], UTC, no nulls             |
/// | TAG            | [IntVector] of codes into a [VarCharVector]        |
/// | FIELD `I64`    | [BigIntVector]                                     |
/// | FIELD `U64`    | [UInt8Vector]                                      |
/// | FIELD `F64`    | [Float8Vector]                                     |
/// | FIELD `BOOL`   | [BitVector]                                        |
/// | FIELD `STRING` | [VarCharVector]                                    |
public sealed interface RowColumn extends AutoCloseable {
    /// A tag: row i is null, or `dictionary[codes[i]]`. The dictionary has no nulls and is in no particular
    /// order; a value may stand in it twice, or be used by no row.
    ///
    /// @param numbers of the values in an index that is shared with other chunks
    record Tag(ColumnSchema schema, IntVector codes, VarCharVector dictionary, TagNumbers numbers)
            implements RowColumn {
        /// @throws IllegalArgumentException unless the column is a tag
        public Tag {
            if (schema.kind() != ColumnKind.TAG) {
                throw new IllegalArgumentException(
                        "column '%s' is a %s: expected TAG".formatted(schema.name(), schema.kind()));
            }
        }

        /// With an index of its own.
        ///
        /// @throws IllegalArgumentException unless the column is a tag
        public Tag(ColumnSchema schema, IntVector codes, VarCharVector dictionary) {
            this(schema, codes, dictionary, new TagNumbers(new TagIndex()));
        }

        /// For each code of the dictionary the number of its value in the index, or -1.
        public int[] valueNumbers() {
            return numbers.of(dictionary);
        }

        /// The same column, whose values have their numbers in another index. It stands in the place of this one.
        Tag indexedBy(TagIndex index) {
            return new Tag(schema, codes, dictionary, new TagNumbers(index));
        }

        @Override
        public FieldVector values() {
            return codes;
        }

        @Override
        public Tag share(int rows) {
            return new Tag(
                    schema,
                    RowColumn.share(codes, rows),
                    RowColumn.share(dictionary, dictionary.getValueCount()),
                    numbers);
        }

        @Override
        public void close() {
            codes.close();
            dictionary.close();
        }
    }

    /// A field, or the time: row i is `values[i]`.
    record Plain(ColumnSchema schema, FieldVector values) implements RowColumn {
        /// @throws IllegalArgumentException if the column is a tag
        public Plain {
            if (schema.kind() == ColumnKind.TAG) {
                throw new IllegalArgumentException("column '%s' is a TAG".formatted(schema.name()));
            }
        }

        @Override
        public Plain share(int rows) {
            return new Plain(schema, RowColumn.share(values, rows));
        }

        @Override
        public void close() {
            values.close();
        }
    }

    ColumnSchema schema();

    /// The values, or the codes of a tag; one for each row.
    FieldVector values();

    /// The first `rows` rows as a column of its own that holds references to the same memory: no copy. The caller
    /// closes it.
    RowColumn share(int rows);

    /// Releases the references to the column's memory.
    @Override
    void close();

    /// An empty vector for the values of a column that is no tag. The caller closes it.
    ///
    /// @throws IllegalArgumentException if the column is a tag
    static FieldVector newVector(ColumnSchema schema, BufferAllocator allocator) {
        String name = schema.name().value();
        return switch (schema.kind()) {
            case TIME -> new TimeStampNanoTZVector(name, allocator, "UTC");
            case TAG -> throw new IllegalArgumentException("column '%s' is a TAG".formatted(name));
            case FIELD ->
                switch (schema.type()) {
                    case I64 -> new BigIntVector(name, allocator);
                    case U64 -> new UInt8Vector(name, allocator);
                    case F64 -> new Float8Vector(name, allocator);
                    case BOOL -> new BitVector(name, allocator);
                    case STRING -> new VarCharVector(name, allocator);
                };
        };
    }

    private static <V extends FieldVector> V share(V vector, int rows) {
        TransferPair pair = vector.getTransferPair(vector.getAllocator());
        pair.splitAndTransfer(0, rows);
        @SuppressWarnings("unchecked") // a transfer pair's target is of its source's class
        V shared = (V) pair.getTo();
        return shared;
    }
}
