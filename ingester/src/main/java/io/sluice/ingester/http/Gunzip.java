package io.sluice.ingester.http;

import java.io.IOException;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/// Unpacks gzip (RFC 1952), one member or several, and takes nothing for granted: each member's checksum and length are
/// compared, and the last byte of the body is the last byte of a member. (The JDK's stream ends in silence where a
/// second member has a damaged header, so that half of a body would be acknowledged as the whole of it.)
///
/// Holds native memory until it is closed.
final class Gunzip implements BodySource, AutoCloseable {
    private static final int BUFFER_BYTES = 16 * 1024;
    private static final int DEFLATE = 8;
    // Flags of a member's header.
    private static final int HEADER_CRC = 2;
    private static final int EXTRA = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;
    private static final int RESERVED = 0xe0;

    private final BodySource packed;
    private final long maxPackedBytes;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 checksum = new CRC32();
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;
    private long packedBytes;
    private long members;
    private boolean insideMember;

    /// @param maxPackedBytes of the body as it was sent
    Gunzip(BodySource packed, long maxPackedBytes) {
        this.packed = packed;
        this.maxPackedBytes = maxPackedBytes;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException, HttpError {
        while (true) {
            if (!insideMember) {
                if (position == limit && !fill()) {
                    if (members == 0) {
                        throw invalid("it is empty");
                    }
                    return -1;
                }
                readHeader();
            }
            int read = inflate(into, from, length);
            if (inflater.finished()) {
                endMember();
            }
            if (read > 0) {
                return read;
            }
        }
    }

    /// Inflates what there is; 0 at the end of a member.
    private int inflate(byte[] into, int from, int length) throws IOException, HttpError {
        while (true) {
            int read;
            try {
                read = inflater.inflate(into, from, length);
            } catch (DataFormatException e) {
                throw invalid("member %d: %s".formatted(members + 1, e.getMessage()));
            }
            if (read > 0) {
                checksum.update(into, from, read);
            }
            if (read > 0 || inflater.finished()) {
                return read;
            }
            if (inflater.needsDictionary()) {
                throw invalid("member %d wants a dictionary".formatted(members + 1));
            }
            if (position == limit && !fill()) {
                throw truncated();
            }
            inflater.setInput(buffer, position, limit - position);
            position = limit;
        }
    }

    private void readHeader() throws IOException, HttpError {
        checksum.reset();
        int magic = nextShort();
        if (magic != 0x8b1f) {
            throw invalid(
                    members == 0
                            ? "it begins with %04x: expected 8b1f".formatted(magic)
                            : "behind member %d comes %04x: expected another member or the end"
                                    .formatted(members, magic));
        }
        int method = next();
        if (method != DEFLATE) {
            throw invalid("member %d has method %d: expected 8, deflate".formatted(members + 1, method));
        }
        int flags = next();
        if ((flags & RESERVED) != 0) {
            throw invalid("member %d has unknown flags %02x".formatted(members + 1, flags));
        }
        skip(6); // time, extra flags, operating system
        if ((flags & EXTRA) != 0) {
            skip(nextShort());
        }
        if ((flags & NAME) != 0) {
            skipText();
        }
        if ((flags & COMMENT) != 0) {
            skipText();
        }
        if ((flags & HEADER_CRC) != 0) {
            int computed = (int) checksum.getValue() & 0xffff;
            int found = nextShort();
            if (found != computed) {
                throw invalid("the header of member %d has checksum %04x, computed %04x"
                        .formatted(members + 1, found, computed));
            }
        }
        inflater.reset();
        checksum.reset();
        inflater.setInput(buffer, position, limit - position);
        position = limit;
        insideMember = true;
    }

    private void endMember() throws IOException, HttpError {
        position = limit - inflater.getRemaining();
        long computedChecksum = checksum.getValue();
        long expectedChecksum = nextInt();
        if (expectedChecksum != computedChecksum) {
            throw invalid("member %d has checksum %08x, computed %08x"
                    .formatted(members + 1, expectedChecksum, computedChecksum));
        }
        long expectedLength = nextInt();
        if (expectedLength != (inflater.getBytesWritten() & 0xffff_ffffL)) {
            throw invalid("member %d says that it has %d bytes, found %d"
                    .formatted(members + 1, expectedLength, inflater.getBytesWritten()));
        }
        members++;
        insideMember = false;
    }

    private boolean fill() throws IOException, HttpError {
        int read = packed.read(buffer, 0, buffer.length);
        if (read < 0) {
            return false;
        }
        packedBytes += read;
        if (packedBytes > maxPackedBytes) {
            // Empty members and long names unpack to nothing, and could go on for ever.
            throw HttpError.tooLarge("the body may have %d bytes, packed too (--max-request-bytes), and goes on"
                    .formatted(maxPackedBytes));
        }
        position = 0;
        limit = read;
        return true;
    }

    private int next() throws IOException, HttpError {
        if (position == limit && !fill()) {
            throw truncated();
        }
        int value = buffer[position++] & 0xff;
        checksum.update(value); // of a header; behind the data it is not looked at any more
        return value;
    }

    private int nextShort() throws IOException, HttpError {
        int low = next();
        return next() << 8 | low;
    }

    private long nextInt() throws IOException, HttpError {
        long low = nextShort();
        return (long) nextShort() << 16 | low;
    }

    private void skip(int count) throws IOException, HttpError {
        for (int i = 0; i < count; i++) {
            next();
        }
    }

    private void skipText() throws IOException, HttpError {
        while (next() != 0) {
            // Goes on until the text's end.
        }
    }

    private HttpError truncated() {
        return invalid("it ends inside member %d, after %d bytes".formatted(members + 1, packedBytes));
    }

    private static HttpError invalid(String found) {
        return HttpError.invalid("the body is not valid gzip: " + found);
    }

    @Override
    public void close() {
        inflater.end();
    }
}
