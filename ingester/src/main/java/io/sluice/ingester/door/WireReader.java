package io.sluice.ingester.door;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Protobuf's own reader over one request's bytes, and views of them. For one thread.
final class WireReader {
    /// Longer names are wrong whatever they are; a tag's value may be longer.
    private static final int MAX_GROUP_DEPTH = 100;

    private final byte[] bytes;
    private final CodedInputStream in;

    WireReader(byte[] bytes) {
        this.bytes = bytes;
        this.in = CodedInputStream.newInstance(bytes);
        // The whole request is in memory and was measured at the door; protobuf's own limit is for streams.
        in.setSizeLimit(Integer.MAX_VALUE);
        in.setRecursionLimit(MAX_GROUP_DEPTH);
    }

    CodedInputStream stream() {
        return in;
    }

    /// Skips an unknown field.
    void skip(int tag) throws IOException {
        if (!in.skipField(tag)) {
            throw new IOException("a group ends that did not begin");
        }
    }

    /// Enters a field of known length; returns what [#popLength] needs.
    int pushLength() throws IOException {
        return in.pushLimit(length());
    }

    /// Leaves a field, which must have been read to its end.
    void popLength(int outerLimit) throws IOException {
        in.checkLastTagWas(0);
        in.popLimit(outerLimit);
    }

    private int length() throws IOException {
        int length = in.readRawVarint32();
        int left = in.getBytesUntilLimit() >= 0 ? in.getBytesUntilLimit() : bytes.length - in.getTotalBytesRead();
        if (length < 0 || length > left) {
            throw new IOException("a field of %d bytes, where %d remain".formatted(length & 0xffff_ffffL, left));
        }
        return length;
    }

    /// A length-delimited field as a view.
    ByteBuffer view() throws IOException {
        int length = length();
        int from = in.getTotalBytesRead();
        in.skipRawBytes(length);
        return view(from, length);
    }

    private ByteBuffer view(int from, int length) {
        return ByteBuffer.wrap(bytes, from, length).slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /// A length-delimited field as text.
    ///
    /// @param what for the error
    String string(String what) throws IOException, InvalidWriteException {
        int length = length();
        int from = in.getTotalBytesRead();
        in.skipRawBytes(length);
        boolean ascii = true;
        for (int i = from; i < from + length && ascii; i++) {
            ascii = bytes[i] >= 0;
        }
        if (ascii) {
            return new String(bytes, from, length, StandardCharsets.US_ASCII);
        }
        try {
            CharBuffer text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes, from, length));
            return text.toString();
        } catch (CharacterCodingException e) {
            throw new InvalidWriteException("%s is not valid UTF-8 (%d bytes)".formatted(what, length));
        }
    }

    /// One field of fixed-width values: packed or not, in one piece or several.
    ///
    /// @param before what came before of the same field
    /// @param widthBytes 4 or 8
    ByteBuffer fixed(int tag, ByteBuffer before, int widthBytes) throws IOException {
        ByteBuffer piece;
        int wireType = WireFormat.getTagWireType(tag);
        if (wireType == WireFormat.WIRETYPE_LENGTH_DELIMITED) {
            piece = view();
            if (piece.limit() % widthBytes != 0) {
                throw new IOException(
                        "packed values of %d bytes: expected a multiple of %d".formatted(piece.limit(), widthBytes));
            }
        } else if (wireType == (widthBytes == 8 ? WireFormat.WIRETYPE_FIXED64 : WireFormat.WIRETYPE_FIXED32)) {
            int from = in.getTotalBytesRead();
            if (widthBytes == 8) {
                in.readRawLittleEndian64();
            } else {
                in.readRawLittleEndian32();
            }
            piece = view(from, widthBytes);
        } else {
            throw new IOException("values of wire type %d: expected fixed-width ones".formatted(wireType));
        }
        return before.limit() == 0 ? piece : join(before, piece);
    }

    /// Pieces of one field, one behind the other. The room doubles, so that many pieces cost no more than a few copies.
    private static ByteBuffer join(ByteBuffer before, ByteBuffer piece) {
        int length = before.limit() + piece.limit();
        ByteBuffer joined = before;
        if (before.isReadOnly() || before.capacity() < length) {
            joined = ByteBuffer.allocate(Math.max(length, 2 * before.limit())).order(ByteOrder.LITTLE_ENDIAN);
            joined.put(0, before, 0, before.limit());
        }
        joined.limit(length).put(length - piece.limit(), piece, 0, piece.limit());
        return joined;
    }
}
