package io.sluice.wal.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/// Layout of a segment, version 1: a header, then entries one behind the other. Integers are little-endian.
///
/// The header:
///
/// | bytes | field          | meaning                                                              |
/// |-------|----------------|----------------------------------------------------------------------|
/// | 0–7   | magic          | `SLUICEWL`                                                           |
/// | 8–11  | version        | 1                                                                    |
/// | 12–15 | header bytes   | where the first entry begins: 64                                     |
/// | 16–23 | segment id     | as in the file's name; ids rise                                      |
/// | 24–31 | first sequence | the number of the first entry, now or to come                        |
/// | 32–39 | created at     | milliseconds since the epoch                                         |
/// | 40–59 | reserved       | zero                                                                 |
/// | 60–63 | checksum       | CRC32C of bytes 0–59                                                 |
///
/// Magic, version and checksum keep their places and meaning in every version to come, so that a newer version can be
/// told from a damaged header.
///
/// An entry:
///
/// | bytes | field    | meaning                                                                    |
/// |-------|----------|----------------------------------------------------------------------------|
/// | 0–3   | length   | payload bytes, 1 to [#MAX_PAYLOAD_BYTES]; 0 = no entry, the segment ends   |
/// | 4–7   | checksum | CRC32C of segment id, length, sequence, kind and the payload's own CRC32C  |
/// | 8–15  | sequence | its number; rises from entry to entry                                      |
/// | 16–19 | kind     | [#KIND_WRITE]                                                              |
/// | 20–   | payload  |                                                                            |
///
/// The segment's id is part of each checksum, so what an earlier use of a recycled file left behind never passes for an
/// entry. The payload's checksum is folded in, so that it can be computed before the entry has a number.
public final class SegmentFormat {
    public static final int VERSION = 1;
    public static final int HEADER_BYTES = 64;
    public static final int ENTRY_HEADER_BYTES = 20;
    /// The longest payload: 1 GiB.
    public static final int MAX_PAYLOAD_BYTES = 1 << 30;
    /// A `sluice.v1.WriteRequest`.
    public static final int KIND_WRITE = 1;

    private static final byte[] MAGIC = "SLUICEWL".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER_CHECKSUM_AT = 60;

    private SegmentFormat() {}

    /// What a segment's header says.
    public record SegmentHeader(int version, long segmentId, long firstSequence, long createdAtMillis) {}

    /// What an entry's first bytes say; not checked yet.
    public record EntryHeader(int length, int checksum, long sequence, int kind) {
        /// Whether the numbers could be those of an entry of which `availableBytes` remain in the file, its header
        /// included.
        public boolean isPlausible(long availableBytes) {
            return length >= 1
                    && length <= MAX_PAYLOAD_BYTES
                    && length <= availableBytes - ENTRY_HEADER_BYTES
                    && sequence >= 1
                    && kind == KIND_WRITE;
        }
    }

    /// Writes a header into the next [#HEADER_BYTES] bytes of `target`.
    public static void putHeader(ByteBuffer target, SegmentHeader header) {
        ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(MAGIC)
                .putInt(header.version())
                .putInt(HEADER_BYTES)
                .putLong(header.segmentId())
                .putLong(header.firstSequence())
                .putLong(header.createdAtMillis());
        bytes.putInt(HEADER_CHECKSUM_AT, crc(bytes.array(), HEADER_CHECKSUM_AT));
        target.put(bytes.array());
    }

    /// Whether the bytes begin as every version's header does, as far as they go: what is shorter than a header and
    /// begins like one may be one whose writing was cut short.
    public static boolean beginsLikeHeader(byte[] bytes) {
        int length = Math.min(MAGIC.length, bytes.length);
        return Arrays.equals(bytes, 0, length, MAGIC, 0, length);
    }

    /// The version of a sound header that is newer than this one; empty for any other bytes.
    public static OptionalInt newerVersion(byte[] header) {
        if (header.length < HEADER_BYTES || !beginsLikeHeader(header)) {
            return OptionalInt.empty();
        }
        ByteBuffer bytes = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        int version = bytes.getInt(8);
        boolean checks = bytes.getInt(HEADER_CHECKSUM_AT) == crc(header, HEADER_CHECKSUM_AT);
        return checks && version > VERSION ? OptionalInt.of(version) : OptionalInt.empty();
    }

    /// Reads a header of this version.
    ///
    /// @param header [#HEADER_BYTES] bytes
    /// @throws IllegalArgumentException if there are fewer, or something is wrong; the message says what
    public static SegmentHeader header(byte[] header) {
        if (header.length < HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "header: expected %d bytes, found %d".formatted(HEADER_BYTES, header.length));
        }
        if (!beginsLikeHeader(header)) {
            throw new IllegalArgumentException("magic: expected SLUICEWL");
        }
        ByteBuffer bytes = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        int stored = bytes.getInt(HEADER_CHECKSUM_AT);
        int computed = crc(header, HEADER_CHECKSUM_AT);
        if (stored != computed) {
            throw new IllegalArgumentException(
                    "header checksum: stored %08x, computed %08x".formatted(stored, computed));
        }
        if (bytes.getInt(8) != VERSION) {
            throw new IllegalArgumentException("version: expected %d, found %d".formatted(VERSION, bytes.getInt(8)));
        }
        if (bytes.getLong(24) < 1) {
            throw new IllegalArgumentException("first sequence: expected at least 1, found " + bytes.getLong(24));
        }
        return new SegmentHeader(VERSION, bytes.getLong(16), bytes.getLong(24), bytes.getLong(32));
    }

    /// Writes an entry's header into the next [#ENTRY_HEADER_BYTES] bytes of `target`, a little-endian buffer.
    ///
    /// @param payloadCrc CRC32C of the payload, from [#payloadCrc]
    public static void putEntryHeader(ByteBuffer target, long segmentId, int length, long sequence, int payloadCrc) {
        target.putInt(length)
                .putInt(entryChecksum(segmentId, length, sequence, KIND_WRITE, payloadCrc))
                .putLong(sequence)
                .putInt(KIND_WRITE);
    }

    /// Reads an entry's header at a position of a little-endian buffer.
    public static EntryHeader entryHeader(ByteBuffer source, int at) {
        return new EntryHeader(
                source.getInt(at), source.getInt(at + 4), source.getLong(at + 8), source.getInt(at + 16));
    }

    /// The checksum that an entry's header must hold.
    public static int entryChecksum(long segmentId, int length, long sequence, int kind, int payloadCrc) {
        ByteBuffer bytes = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(segmentId).putInt(length).putLong(sequence).putInt(kind).putInt(payloadCrc);
        return crc(bytes.array(), bytes.capacity());
    }

    /// CRC32C of a payload.
    public static int payloadCrc(byte[] payload) {
        return crc(payload, payload.length);
    }

    private static int crc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
