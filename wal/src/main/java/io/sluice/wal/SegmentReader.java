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
import java.util.Arrays;
import java.util.Optional;

/// Reads one segment from front to back: entries that check, and the stretches between them that do not. Believes no
/// number that it has not checked against the file's length, so a damaged file costs no more memory than a sound one.
/// For one thread.
final class SegmentReader implements AutoCloseable {
    private static final int WINDOW_BYTES = 1 << 20;

    private final Path file;
    private final long id;
    private final FileChannel channel;
    private final long sizeBytes;
    private final Optional<SegmentHeader> header;
    private final String headerProblem;
    private final ByteBuffer window = ByteBuffer.allocateDirect(WINDOW_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .limit(0);
    private long windowAt;
    private long position;
    private long lastSequence;
    /// The payload that was checked last.
    private byte[] checked = new byte[0];

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
            byte[] bytes = new byte[(int) Math.min(SegmentFormat.HEADER_BYTES, sizeBytes)];
            read(0, bytes);
            if (bytes.length >= 12
                    && SegmentFormat.hasMagic(bytes)
                    && SegmentFormat.version(bytes) > SegmentFormat.VERSION
                    && isCredible(bytes)) {
                throw new WalVersionException(file, SegmentFormat.version(bytes), SegmentFormat.VERSION);
            }
            Optional<SegmentHeader> found = Optional.empty();
            String problem = "";
            if (bytes.length < SegmentFormat.HEADER_BYTES) {
                problem = "header: expected %d bytes, found %d".formatted(SegmentFormat.HEADER_BYTES, bytes.length);
            } else {
                try {
                    SegmentHeader read = SegmentFormat.header(bytes);
                    if (read.segmentId() == id) {
                        found = Optional.of(read);
                    } else {
                        problem = "segment id: expected %d as in the file's name, found %d"
                                .formatted(id, read.segmentId());
                    }
                } catch (IllegalArgumentException e) {
                    problem = String.valueOf(e.getMessage());
                }
            }
            this.header = found;
            this.headerProblem = problem;
            this.position = Math.min(SegmentFormat.HEADER_BYTES, sizeBytes);
            done = true;
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }

    /// A newer version may keep its checksum elsewhere, so its header cannot be checked; a version far off is damage.
    private static boolean isCredible(byte[] header) {
        return SegmentFormat.version(header) < 1_000;
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

    /// Whether there is not one byte but zeros in the file.
    boolean isBlank() throws IOException {
        return isZeroFrom(0);
    }

    /// The next entry or stretch. After [Item.End] or [Item.Tail] there is nothing.
    Item next() throws IOException {
        String detail = check(position);
        if (detail.isEmpty()) {
            return takeEntry();
        }
        if (isZeroFrom(position)) {
            return new Item.End(position);
        }
        long from = position;
        for (long at = from + 1; at + SegmentFormat.ENTRY_HEADER_BYTES < sizeBytes; at++) {
            if (check(at).isEmpty()) {
                position = at;
                return new Item.Damage(from, at - from, detail);
            }
        }
        position = sizeBytes;
        return new Item.Tail(from, sizeBytes - from, detail);
    }

    /// Takes the entry that [#check] has just found at the position.
    private Item takeEntry() throws IOException {
        EntryHeader entry = entryHeader(position);
        Item.Entry item = new Item.Entry(position, entry.sequence(), checked);
        checked = new byte[0];
        position += SegmentFormat.ENTRY_HEADER_BYTES + entry.length();
        lastSequence = entry.sequence();
        return item;
    }

    /// Why there is no entry at a position; empty if there is one.
    private String check(long at) throws IOException {
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
        int computed = SegmentFormat.entryChecksum(
                id, entry.length(), entry.sequence(), entry.kind(), SegmentFormat.payloadCrc(payload));
        checked = payload;
        return computed == entry.checksum()
                ? ""
                : "checksum: stored %08x, computed %08x".formatted(entry.checksum(), computed);
    }

    private EntryHeader entryHeader(long at) throws IOException {
        if (at < windowAt || at + SegmentFormat.ENTRY_HEADER_BYTES > windowAt + window.limit()) {
            fill(at);
        }
        return SegmentFormat.entryHeader(window, (int) (at - windowAt));
    }

    private void fill(long at) throws IOException {
        window.clear().limit((int) Math.min(WINDOW_BYTES, sizeBytes - at));
        while (window.hasRemaining()) {
            if (channel.read(window, at + window.position()) < 0) {
                throw new EOFException("%s: shorter than its %d bytes".formatted(file, sizeBytes));
            }
        }
        window.flip();
        windowAt = at;
    }

    private void read(long at, byte[] into) throws IOException {
        if (into.length > 0 && at >= windowAt && at + into.length <= windowAt + window.limit()) {
            window.get((int) (at - windowAt), into);
            return;
        }
        ByteBuffer target = ByteBuffer.wrap(into);
        while (target.hasRemaining()) {
            if (channel.read(target, at + target.position()) < 0) {
                throw new EOFException("%s: shorter than its %d bytes".formatted(file, sizeBytes));
            }
        }
    }

    private boolean isZeroFrom(long at) throws IOException {
        byte[] bytes = new byte[(int) Math.min(WINDOW_BYTES, Math.max(0, sizeBytes - at))];
        byte[] zeros = new byte[bytes.length];
        for (long from = at; from < sizeBytes; from += bytes.length) {
            int length = (int) Math.min(bytes.length, sizeBytes - from);
            byte[] part = length == bytes.length ? bytes : new byte[length];
            read(from, part);
            if (!Arrays.equals(part, 0, length, zeros, 0, length)) {
                return false;
            }
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
