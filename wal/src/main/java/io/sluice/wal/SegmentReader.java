package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.EntryHeader;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.zip.CRC32C;

/// Reads one segment from front to back: entries that check, and, when asked, what comes behind bytes that are none.
/// Believes no number that it has not checked against the file's length, so a damaged file costs no more memory than a
/// sound one. For one thread.
final class SegmentReader implements AutoCloseable {
    /// How many bytes may be checksummed in vain while searching: this often the segment's length, and a bit. Without a
    /// limit, a damaged entry whose payload is made of lookalikes of entries would take hours.
    private static final int MAX_VAIN_CHECKS = 8;

    private static final long VAIN_BYTES = 1 << 20;
    /// From so many entries the length of a segment is told: where they are large, each is another place on the disk.
    private static final int MAX_GUESS_ENTRIES = 16;

    private final long id;
    private final ReadAhead file;
    private final boolean withPayloads;
    private final byte[] headerBytes;
    private final Optional<SegmentHeader> header;
    private final Optional<SegmentHeader> earlierUse;
    private final boolean isMadeReady;
    private final String headerProblem;
    private final byte[] scratch = new byte[SegmentFormat.ENTRY_HEADER_BYTES];
    private final ByteBuffer scratchBuffer = ByteBuffer.wrap(scratch).order(ByteOrder.LITTLE_ENDIAN);
    private long position;
    private long lastSequence;
    private long vainBytesLeft;
    private byte[] checkedPayload = new byte[0];

    /// An entry that checks.
    ///
    /// @param payload empty unless payloads were asked for
    record Entry(long position, EntryHeader header, byte[] payload) {
        boolean isFiller() {
            return header.kind() == SegmentFormat.KIND_FILLER;
        }

        long sequence() {
            return header.sequence();
        }
    }

    /// @param id the segment's, from its name
    /// @param lastSequence the number of the entry before this segment's first, 0 if unknown; entries must
    ///     be above
    /// @param withPayloads whether entries are wanted with their payloads, or are only checked
    /// @throws WalVersionException if a newer version wrote the segment
    SegmentReader(Path path, long id, long lastSequence, boolean withPayloads, ReadAheadBuffers buffers)
            throws IOException {
        this.id = id;
        this.lastSequence = lastSequence;
        this.withPayloads = withPayloads;
        this.file = new ReadAhead(path, buffers);
        boolean done = false;
        try {
            this.vainBytesLeft = MAX_VAIN_CHECKS * file.sizeBytes() + VAIN_BYTES;
            this.headerBytes = new byte[(int) Math.min(SegmentFormat.HEADER_BYTES, file.sizeBytes())];
            file.copy(0, headerBytes, headerBytes.length);
            OptionalInt newer = SegmentFormat.newerVersion(headerBytes);
            if (newer.isPresent()) {
                throw new WalVersionException(path, newer.getAsInt(), SegmentFormat.VERSION);
            }
            Optional<SegmentHeader> found = Optional.empty();
            String problem = "";
            try {
                found = Optional.of(SegmentFormat.header(headerBytes));
            } catch (IllegalArgumentException e) {
                problem = String.valueOf(e.getMessage());
            }
            this.header = found.filter(read -> read.segmentId() == id && read.isBegun());
            this.isMadeReady = found.filter(read -> !read.isBegun()).isPresent();
            this.earlierUse = found.filter(read -> read.segmentId() != id);
            this.headerProblem = earlierUse
                    .map(read ->
                            "segment id: expected %d as in the file's name, found %d".formatted(id, read.segmentId()))
                    .orElse(problem);
            this.position = headerBytes.length;
            done = true;
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    /// The number that a segment begins with, from its header or else from its first entry; empty if it tells none.
    static OptionalLong firstSequence(Path path, long id, ReadAheadBuffers buffers) throws IOException {
        try (SegmentReader reader = new SegmentReader(path, id, 0, false, buffers)) {
            if (reader.header.isPresent()) {
                return OptionalLong.of(reader.header.get().firstSequence());
            }
            return reader.findFirst()
                    .map(entry -> OptionalLong.of(entry.sequence()))
                    .orElse(OptionalLong.empty());
        }
    }

    /// The first entry that checks, wherever it is, which then is the next; empty if there is none.
    Optional<Entry> findFirst() throws IOException {
        rewind();
        Optional<Entry> first = peek();
        if (first.isEmpty() && search() == Found.ENTRY) {
            first = peek();
        }
        return first;
    }

    /// Goes back to behind the header.
    void rewind() {
        position = headerBytes.length;
    }

    /// Empty if the header is damaged, or not written yet; the entries can be read all the same.
    Optional<SegmentHeader> header() {
        return header;
    }

    /// What is wrong with the header, if there is none.
    String headerProblem() {
        return headerProblem;
    }

    /// Whether the file is one that was made ready to become a segment: its header says so, or there are zeros, or the
    /// beginning of one, or that of an earlier use. Entries in it are for [#search] to find.
    boolean isUnbegun() throws IOException {
        boolean isBeginning =
                headerBytes.length < SegmentFormat.HEADER_BYTES && SegmentFormat.beginsLikeHeader(headerBytes);
        boolean isRecycled = earlierUse.map(read -> read.segmentId() < id).orElse(false);
        return isMadeReady
                || isBeginning
                || isRecycled
                || file.firstNonZero(0, headerBytes.length) == headerBytes.length;
    }

    long sizeBytes() {
        return file.sizeBytes();
    }

    /// Where the entries end, as far as headers tell: a guess, as nothing is checked. Leaves the position as it is.
    ///
    /// @param lastSequence the number of the last entry: after a few the others are taken to be as long as
    ///     those, instead of looking at each
    long guessEnd(OptionalLong lastSequence) throws IOException {
        long at = headerBytes.length;
        long sequence = 0;
        for (long entries = 1; at < file.sizeBytes(); entries++) {
            EntryHeader entry = entryHeader(at);
            if (!entry.isPlausible(file.sizeBytes() - at) || entry.sequence() <= sequence) {
                return at; // zeros, or an entry of the file's earlier use, whose number is lower
            }
            sequence = entry.sequence();
            at += entry.sizeBytes();
            if (entries == MAX_GUESS_ENTRIES && lastSequence.isPresent()) {
                double meanBytes = (double) (at - headerBytes.length) / entries;
                long left = Math.max(0, lastSequence.getAsLong() - sequence);
                return Math.min(file.sizeBytes(), at + (long) (left * meanBytes));
            }
        }
        return file.sizeBytes();
    }

    /// How far the file was read.
    long position() {
        return position;
    }

    /// The entry at the position, which then is behind it; empty if there is none that checks.
    Optional<Entry> next() throws IOException {
        Optional<Entry> entry = peek();
        if (entry.isPresent()) {
            position += entry.get().header().sizeBytes();
            lastSequence = entry.get().sequence();
        }
        return entry;
    }

    /// The entry at the position; empty if there is none that checks.
    Optional<Entry> peek() throws IOException {
        EntryHeader found = entryHeader(position);
        if (!isEntry(position, found)) {
            return Optional.empty();
        }
        Entry entry = new Entry(position, found, checkedPayload);
        checkedPayload = new byte[0];
        return Optional.of(entry);
    }

    /// Takes every number above `sequence` for one that comes later.
    void expectAbove(long sequence) {
        lastSequence = sequence;
    }

    /// What a search found.
    enum Found {
        /// An entry that checks; it is the next.
        ENTRY,
        /// No entry up to the file's end.
        NOTHING,
        /// So much that looks like an entry and is none that the search was given up.
        GIVEN_UP
    }

    /// Looks for an entry behind the position, and moves there; the position stays where it is if there is none.
    Found search() throws IOException {
        for (long at = position + SegmentFormat.ALIGNMENT_BYTES;
                at + SegmentFormat.ENTRY_HEADER_BYTES < file.sizeBytes();
                at += SegmentFormat.ALIGNMENT_BYTES) {
            if (vainBytesLeft < 0) {
                return Found.GIVEN_UP;
            }
            if (isEntry(at, entryHeader(at))) {
                position = at;
                return Found.ENTRY;
            }
        }
        return Found.NOTHING;
    }

    /// Whether the position is where the last write ended: there is what it put behind its last entry, or no room.
    boolean isEnd() throws IOException {
        long terminated = Math.min(sizeBytes(), position + SegmentFormat.TERMINATOR_BYTES);
        return file.firstNonZero(position, terminated) == terminated;
    }

    /// How long what stands at the position would be, were it an entry; a guess.
    long tornBytes() throws IOException {
        EntryHeader entry = entryHeader(position);
        long available = sizeBytes() - position;
        return entry.isPlausible(available)
                ? entry.sizeBytes()
                : Math.min(available, Disk.BLOCK_BYTES - position % Disk.BLOCK_BYTES);
    }

    /// What people are told about the position where there is no entry.
    String whyNoEntry() throws IOException {
        long available = file.sizeBytes() - position;
        if (available < SegmentFormat.ENTRY_HEADER_BYTES) {
            return "entry: expected at least %d bytes, found %d".formatted(SegmentFormat.ENTRY_HEADER_BYTES, available);
        }
        EntryHeader entry = entryHeader(position);
        if (!entry.isPlausible(available)) {
            return "entry header: length %d of %d bytes that remain, sequence %d, kind %d"
                    .formatted(entry.length(), available, entry.sequence(), entry.kind());
        }
        if (entry.sequence() <= lastSequence) {
            return "sequence: expected above %d, found %d".formatted(lastSequence, entry.sequence());
        }
        return "checksum: stored %08x, computed %08x".formatted(entry.checksum(), checksum(position, entry));
    }

    private boolean isEntry(long at, EntryHeader entry) throws IOException {
        if (!entry.isPlausible(file.sizeBytes() - at)) {
            return false;
        }
        boolean isFiller = entry.kind() == SegmentFormat.KIND_FILLER;
        if (entry.sequence() < lastSequence || (entry.sequence() == lastSequence && !isFiller)) {
            return false;
        }
        int computed;
        byte[] payload = new byte[0];
        if (withPayloads && !isFiller) {
            payload = new byte[entry.length()];
            file.copy(at + SegmentFormat.ENTRY_HEADER_BYTES, payload, payload.length);
            computed = checksum(entry, SegmentFormat.payloadCrc(payload));
        } else {
            computed = checksum(at, entry);
        }
        if (entry.checksum() != computed) {
            vainBytesLeft -= entry.length();
            return false;
        }
        checkedPayload = payload;
        return true;
    }

    private int checksum(long at, EntryHeader entry) throws IOException {
        CRC32C crc = new CRC32C();
        file.update(crc, at + SegmentFormat.ENTRY_HEADER_BYTES, entry.length());
        return checksum(entry, (int) crc.getValue());
    }

    private int checksum(EntryHeader entry, int payloadCrc) {
        return SegmentFormat.entryChecksum(
                id, entry.length(), entry.sequence(), entry.kind(), entry.group(), payloadCrc);
    }

    /// What stands at a position; zeros if the file ends before.
    private EntryHeader entryHeader(long at) throws IOException {
        if (at + SegmentFormat.ENTRY_HEADER_BYTES > file.sizeBytes()) {
            return new EntryHeader(0, 0, 0, 0, 0);
        }
        int index = file.indexOf(at, SegmentFormat.ENTRY_HEADER_BYTES);
        if (index >= 0) {
            return SegmentFormat.entryHeader(file.window(), index);
        }
        file.copy(at, scratch, scratch.length);
        return SegmentFormat.entryHeader(scratchBuffer, 0);
    }

    /// CRC32C of a stretch of the file.
    int crc(long from, long length) throws IOException {
        CRC32C crc = new CRC32C();
        file.update(crc, from, length);
        return (int) crc.getValue();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
