package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.EntryHeader;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads one segment from front to back: entries that check, and the stretches between them that do not. Believes no
/// number that it has not checked against the file's length, so a damaged file costs no more memory than a sound one.
/// For one thread.
final class SegmentReader implements AutoCloseable {
    private static final int WINDOW_BYTES = 1 << 20;

    /// How many bytes may be checksummed in vain: this often the segment's length, and a bit. Without a limit, a
    /// damaged entry whose payload is made of lookalikes of entries would take hours.
    private static final int MAX_VAIN_CHECKS = 8;

    private final Path file;
    private final long id;
    private final FileChannel channel;
    private final long sizeBytes;
    private final byte[] headerBytes;
    private final Optional<SegmentHeader> header;
    private final String headerProblem;
    private ByteBuffer window = ByteBuffer.allocate(0);
    private long windowAt;
    private long position;
    private long lastSequence;
    private long vainBytesLeft;

    /// The entry that was checked last.
    private EntryHeader checkedHeader = new EntryHeader(0, 0, 0, 0);

    private byte[] checkedPayload = new byte[0];

    /// What stands next in a segment.
    sealed interface Item {
        /// An entry that checks.
        record Entry(long position, long sequence, byte[] payload) implements Item {}

        /// A stretch that is no entry, followed by one that is.
        record Damage(long position, long lengthBytes, String detail) implements Item {}

        /// Behind the last entry: nothing but zeros, or nothing.
        record End(long position) implements Item {}

        /// Behind the last entry: bytes that are none, to the end of the file.
        record Tail(long position, long lengthBytes, String detail) implements Item {}
    }

    /// @param id the segment's, from its name
    /// @param lastSequence the number of the entry before this segment's first, 0 if unknown; entries must
    ///     be above
    /// @throws WalVersionException if a newer version wrote the segment
    SegmentReader(Path file, long id, long lastSequence) throws IOException {
        this.file = file;
        this.id = id;
        this.lastSequence = lastSequence;
        this.channel = FileChannel.open(file, StandardOpenOption.READ);
        boolean done = false;
        try {
            this.sizeBytes = channel.size();
            this.vainBytesLeft = MAX_VAIN_CHECKS * sizeBytes + WINDOW_BYTES;
            this.headerBytes = new byte[(int) Math.min(SegmentFormat.HEADER_BYTES, sizeBytes)];
            readFully(ByteBuffer.wrap(headerBytes), 0);
            OptionalInt newer = SegmentFormat.newerVersion(headerBytes);
            if (newer.isPresent()) {
                throw new WalVersionException(file, newer.getAsInt(), SegmentFormat.VERSION);
            }
            Optional<SegmentHeader> found = Optional.empty();
            String problem = "";
            try {
                SegmentHeader read = SegmentFormat.header(headerBytes);
                if (read.segmentId() == id) {
                    found = Optional.of(read);
                } else {
                    problem = "segment id: expected %d as in the file's name, found %d".formatted(id, read.segmentId());
                }
            } catch (IllegalArgumentException e) {
                problem = String.valueOf(e.getMessage());
            }
            this.header = found;
            this.headerProblem = problem;
            this.position = headerBytes.length;
            done = true;
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }

    /// The number that a segment begins with, from its header or else from its first entry; empty if it tells none.
    static OptionalLong firstSequence(Path file, long id) throws IOException {
        try (SegmentReader reader = new SegmentReader(file, id, 0)) {
            if (reader.header.isPresent()) {
                return OptionalLong.of(reader.header.get().firstSequence());
            }
            while (true) {
                switch (reader.next()) {
                    case Item.Entry(long _, long sequence, byte[] _) -> {
                        return OptionalLong.of(sequence);
                    }
                    case Item.Damage _ -> {} // what is behind it may be an entry
                    case Item.End _, Item.Tail _ -> {
                        return OptionalLong.empty();
                    }
                }
            }
        }
    }

    /// Empty if the header is damaged; the entries can be read all the same.
    Optional<SegmentHeader> header() {
        return header;
    }

    /// What is wrong with the header, if it is damaged.
    String headerProblem() {
        return headerProblem;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /// How far the file was read.
    long position() {
        return position;
    }

    /// Whether the file is what a creation leaves that was cut short: the beginning of a header, or zeros.
    boolean isCutShort() throws IOException {
        boolean isBeginning = sizeBytes < SegmentFormat.HEADER_BYTES && SegmentFormat.beginsLikeHeader(headerBytes);
        return isBeginning || isZeroFrom(0);
    }

    /// The next entry or stretch. After [Item.End] or [Item.Tail] there is nothing.
    Item next() throws IOException {
        long from = position;
        if (isEntryAt(from)) {
            return takeEntry();
        }
        if (isZeroFrom(from)) {
            return new Item.End(from);
        }
        String detail = whyNoEntryAt(from);
        for (long at = from + 1; at + SegmentFormat.ENTRY_HEADER_BYTES < sizeBytes; at++) {
            if (vainBytesLeft < 0) {
                position = sizeBytes;
                return new Item.Damage(
                        from, sizeBytes - from, detail + "; too much looks like an entry, the search was given up");
            }
            if (isEntryAt(at)) {
                position = at;
                return new Item.Damage(from, at - from, detail);
            }
        }
        position = sizeBytes;
        return new Item.Tail(from, sizeBytes - from, detail);
    }

    /// Takes the entry that [#isEntryAt] has just found at the position.
    private Item takeEntry() {
        Item.Entry item = new Item.Entry(position, checkedHeader.sequence(), checkedPayload);
        checkedPayload = new byte[0];
        position += SegmentFormat.ENTRY_HEADER_BYTES + (long) checkedHeader.length();
        lastSequence = checkedHeader.sequence();
        return item;
    }

    /// Whether an entry that checks begins at a position.
    private boolean isEntryAt(long at) throws IOException {
        long available = sizeBytes - at;
        if (available < SegmentFormat.ENTRY_HEADER_BYTES) {
            return false;
        }
        EntryHeader entry = entryHeader(at);
        if (!entry.isPlausible(available) || entry.sequence() <= lastSequence) {
            return false;
        }
        byte[] payload = new byte[entry.length()];
        read(at + SegmentFormat.ENTRY_HEADER_BYTES, payload);
        if (entry.checksum() != checksum(entry, payload)) {
            vainBytesLeft -= entry.length();
            return false;
        }
        checkedHeader = entry;
        checkedPayload = payload;
        return true;
    }

    private int checksum(EntryHeader entry, byte[] payload) {
        return SegmentFormat.entryChecksum(
                id, entry.length(), entry.sequence(), entry.kind(), SegmentFormat.payloadCrc(payload));
    }

    /// What people are told about a position where [#isEntryAt] found none.
    private String whyNoEntryAt(long at) throws IOException {
        long available = sizeBytes - at;
        if (available < SegmentFormat.ENTRY_HEADER_BYTES) {
            return "entry: expected at least %d bytes, found %d".formatted(SegmentFormat.ENTRY_HEADER_BYTES, available);
        }
        EntryHeader entry = entryHeader(at);
        if (!entry.isPlausible(available)) {
            return "entry header: length %d of %d bytes that remain, sequence %d, kind %d"
                    .formatted(entry.length(), available, entry.sequence(), entry.kind());
        }
        if (entry.sequence() <= lastSequence) {
            return "sequence: expected above %d, found %d".formatted(lastSequence, entry.sequence());
        }
        byte[] payload = new byte[entry.length()];
        read(at + SegmentFormat.ENTRY_HEADER_BYTES, payload);
        return "checksum: stored %08x, computed %08x".formatted(entry.checksum(), checksum(entry, payload));
    }

    private EntryHeader entryHeader(long at) throws IOException {
        if (at < windowAt || at + SegmentFormat.ENTRY_HEADER_BYTES > windowAt + window.limit()) {
            fill(at);
        }
        return SegmentFormat.entryHeader(window, (int) (at - windowAt));
    }

    /// Lets the window begin at a position.
    private void fill(long at) throws IOException {
        if (window.capacity() == 0) {
            window = ByteBuffer.allocateDirect((int) Math.min(WINDOW_BYTES, sizeBytes))
                    .order(ByteOrder.LITTLE_ENDIAN);
        }
        window.clear().limit((int) Math.min(window.capacity(), sizeBytes - at));
        readFully(window, at);
        window.flip();
        windowAt = at;
    }

    /// Copies by way of the window: read at once, a long payload would take native memory of its own length, which the
    /// JDK keeps.
    private void read(long at, byte[] into) throws IOException {
        int done = 0;
        while (done < into.length) {
            long from = at + done;
            if (from < windowAt || from >= windowAt + window.limit()) {
                fill(from);
            }
            int length = (int) Math.min(into.length - done, windowAt + window.limit() - from);
            window.get((int) (from - windowAt), into, done, length);
            done += length;
        }
    }

    private void readFully(ByteBuffer target, long at) throws IOException {
        while (target.hasRemaining()) {
            if (channel.read(target, at + target.position()) < 0) {
                throw new EOFException("%s: shorter than its %d bytes".formatted(file, sizeBytes));
            }
        }
    }

    private boolean isZeroFrom(long from) throws IOException {
        long at = from;
        while (at < sizeBytes) {
            if (at < windowAt || at >= windowAt + window.limit()) {
                fill(at);
            }
            for (int i = (int) (at - windowAt); i < window.limit(); i++) {
                if (window.get(i) != 0) {
                    return false;
                }
            }
            at = windowAt + window.limit();
        }
        return true;
    }

    /// Copies a stretch of the file to another.
    void copy(long from, long lengthBytes, FileChannel target) throws IOException {
        long copied = 0;
        while (copied < lengthBytes) {
            copied += channel.transferTo(from + copied, lengthBytes - copied, target);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
