package io.sluice.wal.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.zip.CRC32C;

/// Layout of a segment, version 1: a header, then entries one behind the other. Integers are little-endian. A segment's
/// file has its full length from the start; behind the last entry are zeros, or what an earlier use of the file left.
///
/// The header:
///
/// | bytes | field          | meaning                                                              |
/// |-------|----------------|----------------------------------------------------------------------|
/// | 0–7   | magic          | `SLUICEWL`                                                           |
/// | 8–11  | version        | 1                                                                    |
/// | 12–15 | behind         | [#link] of the header that the log's segment before this one has     |
/// | 16–23 | segment id     | as in the file's name; ids rise and are never used twice             |
/// | 24–31 | first sequence | the number of the first entry, now or to come; 2^63-1: not begun     |
/// | 32–39 | created at     | milliseconds since the epoch                                         |
/// | 40–43 | still needed   | how many numbers below the first were not let go of; all ones: many  |
/// | 44–59 | owner          | a UUID: under whose name the sequence numbers are given              |
/// | 60–63 | checksum       | CRC32C of bytes 0–59                                                 |
///
/// `behind` tells a segment of this log from one of a copy that was written to as well, whose ids and numbers may be
/// the same. Two values are none of a header's: [#UNLINKED] and [#REPAIRED].
///
/// Magic, version and checksum keep their places and meaning in every version to come, so that a newer version can be
/// told from a damaged header.
///
/// An entry begins at a multiple of 8; up to 7 zeros fill the space to the next. Behind the last entry of a write are
/// at least [#TERMINATOR_BYTES] zeros, unless the file ends: what is neither an entry nor that was torn or damaged.
///
/// | bytes | field    | meaning                                                                    |
/// |-------|----------|----------------------------------------------------------------------------|
/// | 0–3   | length   | payload bytes, up to [#MAX_PAYLOAD_BYTES]; 0 = no entry                    |
/// | 4–7   | checksum | CRC32C of segment id, length, sequence, kind, group, the payload's CRC32C  |
/// | 8–15  | sequence | its number; rises from entry to entry                                      |
/// | 16–19 | kind     | [#KIND_WRITE], [#KIND_LZ4], [#KIND_FILLER]                                 |
/// | 20–23 | group    | entries before it that became durable by the same sync                     |
/// | 24–   | payload  |                                                                            |
///
/// The segment's id is part of each checksum, so what an earlier use of a recycled file left behind never passes for an
/// entry. The payload's checksum is folded in, so that it can be computed before the entry has a number.
///
/// `group` tells a write that a loss of power tore from damage: entries that are missing right before one of the same
/// group, at the end of the log, were never acknowledged. A filler stands where a replay has set damaged bytes aside;
/// its sequence is the last number that is missing.
public final class SegmentFormat {
    public static final int VERSION = 1;
    public static final int HEADER_BYTES = 64;
    public static final int ENTRY_HEADER_BYTES = 24;
    /// Zeros behind the last entry.
    public static final int TERMINATOR_BYTES = 8;
    /// Entries begin at multiples of this.
    public static final int ALIGNMENT_BYTES = 8;
    /// In place of a first sequence: what the file holds is an earlier use's.
    public static final long NOT_BEGUN = Long.MAX_VALUE;
    /// In place of a link: there was no segment before, or nobody wrote it down, as the first ones to write this
    /// version did not.
    public static final int UNLINKED = 64;
    /// In place of a link: the header was damaged and written anew, so the segment behind it has another one's link.
    public static final int REPAIRED = 65;
    /// The longest payload: 1 GiB.
    public static final int MAX_PAYLOAD_BYTES = 1 << 30;
    /// A payload as it was appended.
    public static final int KIND_WRITE = 1;
    /// The payload's length, 4 bytes, and the payload as an LZ4 block.
    public static final int KIND_LZ4 = 2;
    /// What was damaged.
    public static final int KIND_FILLER = 3;

    private static final byte[] MAGIC = "SLUICEWL".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER_CHECKSUM_AT = 60;
    private static final long MANY = 0xffff_ffffL;

    private SegmentFormat() {}

    /// What a segment's header says.
    ///
    /// @param behind the [#link] of the segment before; [#UNLINKED] or [#REPAIRED] if it is not told
    /// @param firstSequence [#NOT_BEGUN] in a file that was made ready to become the segment
    /// @param firstNeeded entries below this number had been let go of when the segment began; at most
    ///     `firstSequence`
    /// @param owner under whose name the numbers are given; all zeros if unknown
    public record SegmentHeader(
            int version,
            int behind,
            long segmentId,
            long firstSequence,
            long createdAtMillis,
            long firstNeeded,
            UUID owner) {
        /// That of a file which is ready to become a segment.
        public static SegmentHeader notBegun(long segmentId) {
            return new SegmentHeader(VERSION, UNLINKED, segmentId, NOT_BEGUN, 0, 1, new UUID(0, 0));
        }

        public boolean isBegun() {
            return firstSequence != NOT_BEGUN;
        }
    }

    /// What an entry's first bytes say; not checked yet.
    public record EntryHeader(int length, int checksum, long sequence, int kind, int group) {
        /// Whether the numbers could be those of an entry of which `availableBytes` remain in the file, its header
        /// included.
        public boolean isPlausible(long availableBytes) {
            return length >= 1
                    && length <= MAX_PAYLOAD_BYTES
                    && length <= availableBytes - ENTRY_HEADER_BYTES
                    && sequence >= 1
                    && kind >= KIND_WRITE
                    && kind <= KIND_FILLER
                    && group >= 0
                    && group < sequence;
        }

        /// The number of the first entry that became durable by the same sync.
        public long groupFirst() {
            return sequence - group;
        }

        /// From this entry to where the next may begin.
        public long sizeBytes() {
            return entryBytes(length);
        }
    }

    /// Writes a header into the next [#HEADER_BYTES] bytes of `target`.
    public static void putHeader(ByteBuffer target, SegmentHeader header) {
        target.put(bytes(header));
    }

    /// What the segment behind one with this header says of it: nearly always different for different headers.
    public static int link(SegmentHeader header) {
        int checksum =
                ByteBuffer.wrap(bytes(header)).order(ByteOrder.LITTLE_ENDIAN).getInt(HEADER_CHECKSUM_AT);
        return checksum == UNLINKED || checksum == REPAIRED ? checksum + 2 : checksum;
    }

    private static byte[] bytes(SegmentHeader header) {
        ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(MAGIC)
                .putInt(header.version())
                .putInt(header.behind())
                .putLong(header.segmentId())
                .putLong(header.firstSequence())
                .putLong(header.createdAtMillis())
                .putInt(stillNeeded(header))
                .putLong(header.owner().getMostSignificantBits())
                .putLong(header.owner().getLeastSignificantBits());
        bytes.putInt(HEADER_CHECKSUM_AT, crc(bytes.array(), HEADER_CHECKSUM_AT));
        return bytes.array();
    }

    private static int stillNeeded(SegmentHeader header) {
        long count = header.firstSequence() - header.firstNeeded();
        return count < 0 || count >= MANY ? (int) MANY : (int) count;
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
        long first = bytes.getLong(24);
        long stillNeeded = Integer.toUnsignedLong(bytes.getInt(40));
        return new SegmentHeader(
                VERSION,
                bytes.getInt(12),
                bytes.getLong(16),
                first,
                bytes.getLong(32),
                stillNeeded == MANY ? 1 : Math.max(1, first - stillNeeded),
                new UUID(bytes.getLong(44), bytes.getLong(52)));
    }

    /// What an entry takes in a segment, from its header to where the next entry may begin.
    public static long entryBytes(int length) {
        return (ENTRY_HEADER_BYTES + (long) length + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES;
    }

    /// Writes an entry's header into the next [#ENTRY_HEADER_BYTES] bytes of `target`, a little-endian buffer, with its
    /// checksum.
    ///
    /// @param payloadCrc CRC32C of the payload, from [#payloadCrc]
    public static void putEntryHeader(
            ByteBuffer target, long segmentId, int length, long sequence, int kind, int group, int payloadCrc) {
        target.putInt(length)
                .putInt(entryChecksum(segmentId, length, sequence, kind, group, payloadCrc))
                .putLong(sequence)
                .putInt(kind)
                .putInt(group);
    }

    /// Reads an entry's header at a position of a little-endian buffer.
    public static EntryHeader entryHeader(ByteBuffer source, int at) {
        return new EntryHeader(
                source.getInt(at),
                source.getInt(at + 4),
                source.getLong(at + 8),
                source.getInt(at + 16),
                source.getInt(at + 20));
    }

    /// The checksum that an entry's header must hold.
    public static int entryChecksum(long segmentId, int length, long sequence, int kind, int group, int payloadCrc) {
        ByteBuffer bytes = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(segmentId)
                .putInt(length)
                .putLong(sequence)
                .putInt(kind)
                .putInt(group)
                .putInt(payloadCrc);
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
