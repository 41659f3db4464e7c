package io.sluice.ingester.door;

import io.sluice.proto.v1.Column;
import java.util.ArrayList;
import java.util.List;

/// One `Column` message as it was found, unchecked: ranges of the request.
final class RawColumn {
    static final int NO_VALUES = 0;

    Text name = Text.EMPTY;
    int kind;
    Text validity = Text.EMPTY;

    /// The field number of the kind of values found first, or [#NO_VALUES].
    int valuesField = NO_VALUES;

    /// The field number of another kind of values found after it, or [#NO_VALUES].
    int otherValuesField = NO_VALUES;

    Text bools = Text.EMPTY;
    Text stringData = Text.EMPTY;

    /// The values of `i64`, `u64` or `f64`, the offsets of `strings`, the codes of `dictionary`.
    final PackedValues fixed = new PackedValues();

    /// Those of a dictionary; empty strings in the place of what was no UTF-8.
    final List<String> dictionary = new ArrayList<>(0);

    /// The index of the first value of the dictionary that is no UTF-8, or -1.
    int badDictionaryIndex = -1;

    /// A range of the request.
    record Text(int from, int lengthBytes) {
        static final Text EMPTY = new Text(0, 0);
    }

    /// Notes that values of a kind were found.
    void foundValues(int field) {
        if (valuesField == NO_VALUES) {
            valuesField = field;
        } else if (valuesField != field && otherValuesField == NO_VALUES) {
            otherValuesField = field;
        }
    }

    /// The name of a kind of values, as the protocol spells it.
    static String valuesName(int field) {
        return switch (field) {
            case Column.I64_FIELD_NUMBER -> "i64";
            case Column.U64_FIELD_NUMBER -> "u64";
            case Column.F64_FIELD_NUMBER -> "f64";
            case Column.BOOLS_FIELD_NUMBER -> "bools";
            case Column.STRINGS_FIELD_NUMBER -> "strings";
            case Column.DICTIONARY_FIELD_NUMBER -> "dictionary";
            default -> "no values";
        };
    }
}
