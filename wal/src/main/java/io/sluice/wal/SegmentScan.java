package io.sluice.wal;

import io.sluice.wal.SegmentReader.Entry;
import io.sluice.wal.SegmentReader.Found;
import io.sluice.wal.WalInspector.EntryConsumer;
import io.sluice.wal.WalInspector.SegmentInfo;
import io.sluice.wal.WalProblem.Kind;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.Consumer;

/// One look at one segment, which changes nothing. For one thread.
final class SegmentScan {
    /// In the header of a segment that does not tell.
    private static final UUID NOBODY = new UUID(0, 0);

    private final SegmentReader reader;
    private final Path file;
    private final long id;
    private final NavigableMap<Long, Path> files;
    private final ReadAheadBuffers buffers;
    private final SegmentChain chain;
    private long last;
    private long first;
    private long count;
    private long payloadBytes;
    private boolean isUnbegun;

    SegmentScan(
            SegmentReader reader,
            Path file,
            long id,
            NavigableMap<Long, Path> files,
            ReadAheadBuffers buffers,
            SegmentChain chain) {
        this.reader = reader;
        this.file = file;
        this.id = id;
        this.files = files;
        this.buffers = buffers;
        this.chain = chain;
    }

    /// Looks at everything in the segment.
    ///
    /// @param lastBefore the last number that the segments before this one tell; empty if none does
    /// @return the same, of the segments up to this one
    OptionalLong run(OptionalLong lastBefore, EntryConsumer entries, Consumer<WalProblem> problems) throws IOException {
        Optional<SegmentHeader> header = reader.header();
        if (header.isEmpty()) {
            if (reader.findFirst().isEmpty() && reader.isUnbegun()) {
                isUnbegun = true;
                return lastBefore;
            }
            long lengthBytes = Math.min(SegmentFormat.HEADER_BYTES, reader.sizeBytes());
            problems.accept(new WalProblem(Kind.HEADER, file, 0, lengthBytes, reader.headerProblem()));
            reader.rewind();
            chain.addUnreadable();
        } else if (isOfOtherLog(header.get(), lastBefore, problems)) {
            countOnly(header.get());
            return lastBefore;
        } else if (lastBefore.isPresent() && header.get().firstSequence() > lastBefore.getAsLong() + 1) {
            problems.accept(new WalProblem(
                    Kind.GAP,
                    file,
                    0,
                    0,
                    "first sequence: expected %d, found %d"
                            .formatted(lastBefore.getAsLong() + 1, header.get().firstSequence())));
        }
        header.ifPresent(chain::add);
        last = Math.max(
                lastBefore.orElse(0), header.map(SegmentHeader::firstSequence).orElse(1L) - 1);
        reader.expectAbove(last);
        while (true) {
            Optional<Entry> entry = reader.next();
            if (entry.isPresent()) {
                take(entry.get(), entries);
            } else if (!skip(problems)) {
                break;
            }
        }
        return header.isPresent() || count > 0 ? OptionalLong.of(last) : lastBefore;
    }

    private boolean isOfOtherLog(SegmentHeader header, OptionalLong lastBefore, Consumer<WalProblem> problems) {
        Optional<String> whyNot = chain.whyNot(header, lastBefore.orElse(header.firstSequence() - 1));
        whyNot.ifPresent(why -> {
            chain.addStranger(header);
            problems.accept(new WalProblem(Kind.OTHER_LOG, file, 0, reader.sizeBytes(), why));
        });
        return whyNot.isPresent();
    }

    /// A start would replay none of it.
    private void countOnly(SegmentHeader header) throws IOException {
        reader.expectAbove(header.firstSequence() - 1);
        for (Optional<Entry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
            take(entry.get(), (_, _) -> {});
        }
    }

    private void take(Entry entry, EntryConsumer entries) throws IOException {
        last = entry.sequence();
        if (!entry.isFiller()) {
            first = first == 0 ? entry.sequence() : first;
            count++;
            payloadBytes += entry.header().length();
            entries.accept(id, entry);
        }
    }

    private boolean skip(Consumer<WalProblem> problems) throws IOException {
        OptionalLong behind = SegmentDirectory.firstBehind(files, id, buffers);
        if (behind.isPresent() && behind.getAsLong() == last + 1) {
            return false;
        }
        long position = reader.position();
        String detail = reader.whyNoEntry();
        boolean isEnd = reader.isEnd();
        long guessedBytes = reader.tornBytes();
        Found found = reader.search();
        if (found == Found.ENTRY) {
            problems.accept(new WalProblem(Kind.CORRUPT, file, position, reader.position() - position, detail));
            return true;
        }
        if (found == Found.NOTHING && isEnd) {
            return false; // if later segments tell of other numbers, those between are in none: a gap
        }
        if (found == Found.GIVEN_UP || behind.isPresent()) {
            problems.accept(new WalProblem(Kind.CORRUPT, file, position, reader.sizeBytes() - position, detail));
            last = Math.max(last, behind.orElse(last + 1) - 1);
        } else {
            problems.accept(new WalProblem(Kind.TORN_TAIL, file, position, guessedBytes, detail));
        }
        return false;
    }

    /// What the segment holds; empty if it is a file that was made ready to become one.
    Optional<SegmentInfo> info() {
        return isUnbegun
                ? Optional.empty()
                : Optional.of(new SegmentInfo(
                        id,
                        file,
                        reader.sizeBytes(),
                        reader.header().map(SegmentHeader::version),
                        reader.header().map(found -> Instant.ofEpochMilli(found.createdAtMillis())),
                        count == 0 ? Optional.empty() : Optional.of(first),
                        count == 0 ? Optional.empty() : Optional.of(last),
                        count,
                        payloadBytes,
                        reader.position(),
                        reader.header().map(SegmentHeader::owner).filter(owner -> !owner.equals(NOBODY))));
    }
}
