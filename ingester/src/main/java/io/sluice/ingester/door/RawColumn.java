package io.sluice.ingester.door;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A column as it stands on the wire: nothing is checked but the wire format.
///
/// @param valueField which field of the `oneof` came; 0 if none
/// @param valueKinds how many different ones came
/// @param data the values: fixed-width, a bitmap, the bytes of strings
/// @param indexes offsets of strings, codes of a dictionary
record RawColumn(
        Optional<String> name,
        int kind,
        ByteBuffer validity,
        int valueField,
        int valueKinds,
        ByteBuffer data,
        ByteBuffer indexes,
        List<String> dictionary) {
    static final int I64 = 4;
    static final int U64 = 5;
    static final int F64 = 6;
    static final int BOOLS = 7;
    static final int STRINGS = 8;
    static final int DICTIONARY = 9;

    private static final ByteBuffer EMPTY =
            ByteBuffer.allocate(0).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);

    /// Reads one `Column`, up to the reader's limit.
    static RawColumn read(WireReader reader) throws IOException, InvalidWriteException {
        Optional<String> name = Optional.empty();
        int kind = 0;
        ByteBuffer validity = EMPTY;
        int valueField = 0;
        int valueKinds = 0;
        ByteBuffer data = EMPTY;
        ByteBuffer indexes = EMPTY;
        List<String> dictionary = new ArrayList<>();
        CodedInputStream in = reader.stream();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            int field = WireFormat.getTagFieldNumber(tag);
            boolean delimited = WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED;
            if (field >= I64 && field <= DICTIONARY && delimited) {
                if (field == valueField) {
                    throw new InvalidWriteException(name.map("column '%s'"::formatted)
                                    .orElse("a column") + ": its values stand twice: expected once");
                }
                valueField = field;
                valueKinds++;
            }
            switch (tag) {
                case (1 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED ->
                    name = Optional.of(reader.string("a column's name"));
                case (2 << 3) | WireFormat.WIRETYPE_VARINT -> kind = in.readEnum();
                case (3 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> validity = reader.view();
                case (I64 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED,
                        (U64 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED,
                        (F64 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> {
                    int end = reader.pushLength();
                    data = fixedValues(reader);
                    reader.popLength(end);
                }
                case (BOOLS << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> data = reader.view();
                case (STRINGS << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> {
                    int end = reader.pushLength();
                    data = EMPTY;
                    indexes = EMPTY;
                    for (int inner = in.readTag(); inner != 0; inner = in.readTag()) {
                        if (inner == ((1 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED)) {
                            data = reader.view();
                        } else if (WireFormat.getTagFieldNumber(inner) == 2) {
                            indexes = reader.fixed(inner, indexes, Integer.BYTES);
                        } else {
                            reader.skip(inner);
                        }
                    }
                    reader.popLength(end);
                }
                case (DICTIONARY << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> {
                    int end = reader.pushLength();
                    indexes = EMPTY;
                    for (int inner = in.readTag(); inner != 0; inner = in.readTag()) {
                        if (inner == ((1 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED)) {
                            dictionary.add(reader.string(name.map("a dictionary value of column '%s'"::formatted)
                                    .orElse("a dictionary value")));
                        } else if (WireFormat.getTagFieldNumber(inner) == 2) {
                            indexes = reader.fixed(inner, indexes, Integer.BYTES);
                        } else {
                            reader.skip(inner);
                        }
                    }
                    reader.popLength(end);
                }
                default -> reader.skip(tag);
            }
        }
        return new RawColumn(name, kind, validity, valueField, valueKinds, data, indexes, dictionary);
    }

    private static ByteBuffer fixedValues(WireReader reader) throws IOException {
        ByteBuffer values = EMPTY;
        CodedInputStream in = reader.stream();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (WireFormat.getTagFieldNumber(tag) == 1) {
                values = reader.fixed(tag, values, Long.BYTES);
            } else {
                reader.skip(tag);
            }
        }
        return values;
    }
}
