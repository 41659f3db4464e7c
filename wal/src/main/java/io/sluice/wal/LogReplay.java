package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.SegmentReader.Entry;
import io.sluice.wal.SegmentReader.Found;
import io.sluice.wal.WalProblem.Kind;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads a log from its first segment to its last and puts the folder in order. For one thread, once.
///
/// Where a segment has no entry that checks, its entries have ended if the segments behind it go on with the next
/// number. Else what comes behind is searched for entries:
///
/// - There are some: what is before them is *damage*. A copy goes to the quarantine folder, a filler takes its place,
///   and reading goes on. But if they became durable by the same sync as what is missing, and nothing came behind
///   them, the sync was cut short and nobody was told of any: that is *torn*, and what is left is kept.
/// - There are none, and there is no later segment: the log ends here; if something begins here, it is a *torn tail*.
/// - There are none, and later segments tell of higher numbers: damage to the segment's end.
///
/// Everything that is set right here is so for good: the next start finds nothing of it.
final class LogReplay {
    private static final Logger LOG = LoggerFactory.getLogger(LogReplay.class);
    /// How many problems are told one by one.
    private static final int MAX_PROBLEMS = 1_000;

    private final WalSettings settings;
    private final Disk disk;
    private final SegmentRepair repair;
    private final SegmentList segments;
    private final Quarantine quarantine;
    private final WalMetrics metrics;
    private final List<String> problems = new ArrayList<>();
    /// Files of the full length that are no segments.
    private final List<Path> spares = new ArrayList<>();
    private volatile long doneBytes;
    private volatile long totalBytes;
    private long expectedBytes;
    private long lastSequence;
    private long entries;
    private long payloadBytes;
    private long tornBytes;
    private int quarantined;
    private long lostEntries;
    private long unlisted;
    /// Whether a segment has told where the numbers stand.
    private boolean numbersKnown;
    /// Of the segments that have a sound one.
    private final NavigableMap<Long, SegmentHeader> headers = new TreeMap<>();
    /// Of each segment, before it was read.
    private final Map<Long, Long> guessedBytes = new HashMap<>();
    /// Of the last segment with a sound header.
    private UUID lastOwner = new UUID(0, 0);
    /// Under whose name the log's numbers are given, if somebody said so.
    private Optional<UUID> logOwner = Optional.empty();
    private SegmentChain chain = new SegmentChain(Optional.empty());
    /// Stretches of one group, which are torn if nothing comes behind the group, else damage.
    private List<Doubt> doubts = new ArrayList<>();

    /// @param groupFirst number of the first entry of the group that the stretch belongs to
    /// @param lastMissing number of the last entry that is missing
    private record Doubt(Path file, Stretch stretch, long groupFirst, long missing, long lastMissing, String detail) {
        WalProblem problem(Kind kind, String addition) {
            return new WalProblem(kind, file, stretch.position(), stretch.lengthBytes(), detail + addition);
        }
    }

    /// Bytes that are no entry.
    ///
    /// @param id the segment's
    /// @param payloadCrc CRC32C of what is behind the place of an entry's header
    private record Stretch(long id, long position, long lengthBytes, int payloadCrc) {
        static Stretch of(SegmentReader reader, long id, long position, long lengthBytes) throws IOException {
            long payloadBytes = lengthBytes - SegmentFormat.ENTRY_HEADER_BYTES;
            int crc = payloadBytes > 0 ? reader.crc(position + SegmentFormat.ENTRY_HEADER_BYTES, payloadBytes) : 0;
            return new Stretch(id, position, lengthBytes, crc);
        }

        /// Makes a filler of it, if there is room for one.
        void fill(SegmentRepair repair, Path file, long lastMissing) throws IOException {
            long payloadBytes = lengthBytes - SegmentFormat.ENTRY_HEADER_BYTES;
            if (payloadBytes > 0 && payloadBytes <= SegmentFormat.MAX_PAYLOAD_BYTES && lastMissing >= 1) {
                repair.writeFiller(file, id, position, (int) payloadBytes, lastMissing, payloadCrc);
            }
        }
    }

    LogReplay(WalSettings settings, Disk disk, SegmentList segments, WalMetrics metrics) {
        this.settings = settings;
        this.disk = disk;
        this.repair = new SegmentRepair(disk);
        this.segments = segments;
        this.quarantine = new Quarantine(disk, settings.directory());
        this.metrics = metrics;
    }

    /// Says under whose name the numbers of the log are given. Before [#run].
    void belongsTo(UUID owner) {
        logOwner = Optional.of(owner);
        chain = new SegmentChain(logOwner);
    }

    ReplayProgress progress() {
        long done = doneBytes;
        return new ReplayProgress(done, Math.max(done, totalBytes));
    }

    /// Files that can become segments; right from the end of [#run] on.
    List<Path> spares() {
        return spares;
    }

    ReplayReport run(EntryHandler handler, ThreadFactory threads) throws IOException, InterruptedException {
        SegmentDirectory.Listing listing = SegmentDirectory.list(settings.directory());
        TreeMap<Long, Path> files = listing.segments();
        try (ReadAheadBuffers buffers = new ReadAheadBuffers(threads)) {
            ReadAheadBuffers peeks = buffers.forPeeks();
            readHeaders(files, peeks);
            for (Path foreign : listing.foreign()) {
                note(new WalProblem(Kind.FOREIGN, foreign, 0, 0, "not a file of the log; it is left alone"));
            }
            for (Map.Entry<Long, Path> spare : listing.spares().entrySet()) {
                segments.sawId(spare.getKey());
                keepOrDelete(spare.getValue());
            }
            giveNames(files);
            letGo(files, peeks);
            guessBytes(files, peeks);
            for (Map.Entry<Long, Path> file : List.copyOf(files.entrySet())) {
                segments.sawId(file.getKey());
                read(file.getKey(), file.getValue(), files, handler, buffers, peeks);
            }
        }
        segments.endsWith(chain.link());
        for (Doubt doubt : doubts) {
            tornGroup(doubt);
        }
        if (!files.isEmpty() && Files.exists(files.lastEntry().getValue())) {
            disk.sync(files.lastEntry().getValue());
        }
        if (unlisted > 0) {
            problems.add("%d more problems".formatted(unlisted));
        }
        if (entries > 0 || !problems.isEmpty()) {
            LOG.info(
                    "replayed the log: {} segments, {} entries, {} bytes, {} torn bytes cut off, {} ranges quarantined",
                    files.size(),
                    entries,
                    payloadBytes,
                    tornBytes,
                    quarantined);
        }
        return new ReplayReport(files.size(), entries, payloadBytes, tornBytes, quarantined, lostEntries, problems);
    }

    /// How many bytes of entries there will be: files have their full length from the start, and most are closed before
    /// they are full.
    private void guessBytes(Map<Long, Path> files, ReadAheadBuffers buffers) throws IOException {
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            Map.Entry<Long, SegmentHeader> next = headers.higherEntry(file.getKey());
            OptionalLong last = next == null
                    ? OptionalLong.empty()
                    : OptionalLong.of(next.getValue().firstSequence() - 1);
            try (SegmentReader reader = new SegmentReader(file.getValue(), file.getKey(), 0, false, buffers)) {
                long bytes = reader.guessEnd(last);
                guessedBytes.put(file.getKey(), bytes);
                expectedBytes += bytes;
            }
        }
        totalBytes = expectedBytes;
    }

    /// A segment was read: now it is known how long it is.
    private void endOf(long id, long startBytes, long readBytes) {
        doneBytes = startBytes + readBytes;
        expectedBytes += readBytes - Objects.requireNonNullElse(guessedBytes.get(id), 0L);
        totalBytes = expectedBytes;
    }

    /// Before anything is handed out or changed.
    private void readHeaders(Map<Long, Path> files, ReadAheadBuffers buffers) throws IOException {
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            try (SegmentReader reader = new SegmentReader(file.getValue(), file.getKey(), 0, false, buffers)) {
                reader.header().ifPresent(header -> {
                    headers.put(file.getKey(), header);
                    lastOwner = header.owner();
                });
            }
        }
    }

    /// Segments that were let go of are still here if that was cut short, or if a loss of power brought their names
    /// back: those behind which another begins with a number at which all before were let go of.
    private void letGo(NavigableMap<Long, Path> files, ReadAheadBuffers buffers) throws IOException {
        long firstNeeded = firstNeeded(files);
        segments.letGoBelow(firstNeeded);
        while (files.size() > 1) {
            long id = files.firstKey();
            OptionalLong behind = SegmentDirectory.firstBehind(files, id, buffers);
            if (behind.isEmpty() || behind.getAsLong() > firstNeeded) {
                return;
            }
            Path file = files.firstEntry().getValue();
            LOG.info("segment {} is let go of: all of it is in files", file);
            segments.sawId(id);
            disk.delete(file);
            files.remove(id);
        }
    }

    /// As the log's segments say. One that may be of a copy says what is in the files of that copy, and so do those
    /// behind it.
    private long firstNeeded(Map<Long, Path> files) {
        SegmentChain strict = new SegmentChain(logOwner);
        long firstNeeded = 1;
        for (Long id : files.keySet()) {
            SegmentHeader header = headers.get(id);
            if (header == null) {
                strict.addUnreadable();
            } else if (strict.isNext(header)) {
                strict.add(header);
                firstNeeded = Math.max(firstNeeded, header.firstNeeded());
            } else {
                return firstNeeded;
            }
        }
        return firstNeeded;
    }

    /// A loss of power may have taken the last names of files that were used again.
    private void giveNames(Map<Long, Path> files) throws IOException {
        boolean any = false;
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            Path name = SegmentDirectory.file(settings.directory(), file.getKey());
            if (!name.equals(file.getValue())) {
                disk.rename(file.getValue(), name);
                file.setValue(name);
                any = true;
            }
        }
        if (any) {
            disk.syncFolder(settings.directory());
        }
    }

    private void keepOrDelete(Path spare) throws IOException {
        if (Files.size(spare) == settings.segmentBytes() && spares.size() < settings.maxSpares()) {
            spares.add(spare);
        } else {
            disk.delete(spare);
        }
    }

    private void read(
            long id,
            Path file,
            NavigableMap<Long, Path> files,
            EntryHandler handler,
            ReadAheadBuffers buffers,
            ReadAheadBuffers peeks)
            throws IOException, InterruptedException {
        long startBytes = doneBytes;
        long firstSequence = lastSequence + 1;
        long createdAtMillis = Files.getLastModifiedTime(file).toMillis();
        long sizeBytes;
        boolean tellsNumbers = false;
        try (SegmentReader reader = new SegmentReader(file, id, lastSequence, true, buffers)) {
            sizeBytes = reader.sizeBytes();
            if (reader.header().isPresent()) {
                SegmentHeader header = reader.header().get();
                Optional<String> whyNot = chain.whyNot(header, lastSequence);
                if (whyNot.isPresent()) {
                    ofOtherLog(reader, file, header, whyNot.get());
                    files.remove(id);
                    endOf(id, startBytes, 0);
                    return;
                }
                chain.add(header);
                firstSequence = header.firstSequence();
                createdAtMillis = header.createdAtMillis();
                tellsNumbers = true;
                settleDoubt(Long.MAX_VALUE);
                noteGap(file, firstSequence);
                lastSequence = Math.max(lastSequence, firstSequence - 1);
                reader.expectAbove(lastSequence);
            } else if (isWithoutAcknowledged(reader, files, id, peeks)) {
                withoutEntries(reader, file);
                endOf(id, startBytes, 0);
                return;
            } else {
                damagedHeader(reader, file, id, createdAtMillis);
            }
            while (true) {
                Optional<Entry> entry = reader.next();
                if (entry.isPresent()) {
                    tellsNumbers = true;
                    take(entry.get(), handler);
                } else if (!skip(reader, file, id, files, peeks)) {
                    break;
                }
                doneBytes = startBytes + reader.position();
            }
            endOf(id, startBytes, reader.position());
        }
        numbersKnown |= tellsNumbers;
        segments.found(new Segment(
                id, file, sizeBytes, firstSequence, Math.max(lastSequence, firstSequence - 1), createdAtMillis));
    }

    /// Moves a segment out of the way, whole: to hand its entries out would mix two logs.
    private void ofOtherLog(SegmentReader reader, Path file, SegmentHeader header, String whyNot) throws IOException {
        WalProblem problem = new WalProblem(Kind.OTHER_LOG, file, 0, reader.sizeBytes(), whyNot);
        report(problem);
        chain.addStranger(header);
        reader.expectAbove(header.firstSequence() - 1);
        long held = 0;
        while (reader.next().isPresent()) {
            held++;
        }
        Path moved = quarantine.move(problem, held);
        LOG.error(
                "{} was moved to {} with {} entries, of which none is replayed: in a folder of its own, under its old"
                        + " name, sluice wal dump shows them",
                file,
                moved,
                held);
        quarantined++;
        metrics.quarantined.increment();
        lost(held);
    }

    /// Of a segment without a header: whether it has no entry, or none but those of its very first write, whose sync
    /// was cut short before the header was on disk. Moves the reader.
    private boolean isWithoutAcknowledged(
            SegmentReader reader, NavigableMap<Long, Path> files, long id, ReadAheadBuffers buffers)
            throws IOException {
        Optional<Entry> entry = reader.findFirst();
        if (entry.isEmpty()) {
            return true;
        }
        if (!reader.isUnbegun()
                || SegmentDirectory.firstBehind(files, id, buffers).isPresent()) {
            return false;
        }
        long groupFirst = entry.get().header().groupFirst();
        while (entry.isPresent() && entry.get().header().groupFirst() == groupFirst) {
            var _ = reader.next();
            entry = reader.peek();
            if (entry.isEmpty() && reader.search() == Found.ENTRY) {
                entry = reader.peek();
            }
        }
        return entry.isEmpty() && groupFirst <= lastSequence + 1;
    }

    private void withoutEntries(SegmentReader reader, Path file) throws IOException {
        if (reader.sizeBytes() < SegmentFormat.HEADER_BYTES && reader.isUnbegun()) {
            note(new WalProblem(Kind.EMPTY, file, 0, reader.sizeBytes(), "its creation was cut short; deleted"));
            disk.delete(file);
        } else if (reader.isUnbegun()) {
            Path spare = SegmentDirectory.spare(file);
            disk.rename(file, spare);
            keepOrDelete(spare);
        } else {
            damage(new WalProblem(Kind.HEADER, file, 0, reader.sizeBytes(), reader.headerProblem()), 0);
            disk.delete(file);
            chain.addUnreadable();
        }
    }

    private void damagedHeader(SegmentReader reader, Path file, long id, long createdAtMillis) throws IOException {
        long lengthBytes = Math.min(SegmentFormat.HEADER_BYTES, reader.sizeBytes());
        damage(new WalProblem(Kind.HEADER, file, 0, lengthBytes, reader.headerProblem()), 0);
        SegmentHeader repaired = new SegmentHeader(
                SegmentFormat.VERSION,
                SegmentFormat.REPAIRED,
                id,
                lastSequence + 1,
                createdAtMillis,
                1,
                logOwner.orElse(lastOwner));
        repair.writeHeader(file, repaired);
        chain.add(repaired);
        reader.expectAbove(lastSequence);
        reader.rewind();
    }

    private void take(Entry entry, EntryHandler handler) throws IOException, InterruptedException {
        settleDoubt(entry.header().groupFirst());
        if (!entry.isFiller()) {
            entries++;
            payloadBytes += entry.payload().length;
            handler.entry(new SequenceNumber(entry.sequence()), Payloads.decode(entry));
        }
        lastSequence = entry.sequence();
    }

    /// Where there is no entry: moves on to the next, or returns false if there is none in this segment.
    private boolean skip(
            SegmentReader reader, Path file, long id, NavigableMap<Long, Path> files, ReadAheadBuffers buffers)
            throws IOException {
        OptionalLong behind = SegmentDirectory.firstBehind(files, id, buffers);
        if (behind.isPresent() && behind.getAsLong() == lastSequence + 1) {
            return false;
        }
        long position = reader.position();
        String detail = reader.whyNoEntry();
        boolean isEnd = reader.isEnd();
        long guessedBytes = reader.tornBytes();
        Found found = reader.search();
        if (found == Found.ENTRY) {
            between(reader, file, id, position, detail);
            return true;
        }
        if (found == Found.NOTHING && isEnd) {
            return false; // if later segments tell of other numbers, those between are in none: a gap
        }
        if (found == Found.NOTHING && behind.isEmpty()) {
            torn(new WalProblem(Kind.TORN_TAIL, file, position, guessedBytes, detail));
            repair.terminate(file, position, reader.sizeBytes());
            return false;
        }
        long lastMissing = Math.max(lastSequence, behind.orElse(lastSequence + 1) - 1);
        String whole = found == Found.GIVEN_UP
                ? detail + "; too much looks like an entry, the search was given up"
                : detail + "; the next segment begins with " + (lastMissing + 1);
        Stretch stretch = Stretch.of(reader, id, position, reader.sizeBytes() - position);
        damage(new WalProblem(Kind.CORRUPT, file, position, stretch.lengthBytes(), whole), lastMissing - lastSequence);
        stretch.fill(repair, file, lastMissing);
        lastSequence = lastMissing;
        return false;
    }

    /// Between the position and the entry that the reader is at.
    private void between(SegmentReader reader, Path file, long id, long position, String detail) throws IOException {
        Entry next = reader.peek().orElseThrow();
        Stretch stretch = Stretch.of(reader, id, position, next.position() - position);
        long lastMissing = Math.max(lastSequence, next.sequence() - 1);
        long missing = lastMissing - lastSequence;
        if (!next.isFiller() && missing > 0 && next.header().groupFirst() <= lastSequence + 1) {
            settleDoubt(next.header().groupFirst());
            doubts.add(new Doubt(file, stretch, next.header().groupFirst(), missing, lastMissing, detail));
        } else {
            damage(new WalProblem(Kind.CORRUPT, file, position, stretch.lengthBytes(), detail), missing);
            stretch.fill(repair, file, lastMissing);
        }
    }

    /// Entries of a later group tell that the one in doubt was synced, and so acknowledged.
    private void settleDoubt(long groupFirst) throws IOException {
        if (doubts.isEmpty() || groupFirst <= doubts.getFirst().groupFirst()) {
            return;
        }
        List<Doubt> known = doubts;
        doubts = new ArrayList<>();
        for (Doubt doubt : known) {
            damage(doubt.problem(Kind.CORRUPT, ""), doubt.missing());
            doubt.stretch().fill(repair, doubt.file(), doubt.lastMissing());
        }
    }

    /// Nothing came behind the group: its sync was cut short.
    private void tornGroup(Doubt known) throws IOException {
        quarantine.copy(
                known.file(), known.stretch().position(), known.stretch().lengthBytes());
        torn(known.problem(Kind.TORN_TAIL, "; the sync was cut short, nothing of it was acknowledged"));
        known.stretch().fill(repair, known.file(), known.lastMissing());
    }

    private void noteGap(Path file, long firstSequence) throws IOException {
        // Before the first segment there is no gap: what came earlier was deleted because it is in files.
        if (numbersKnown && firstSequence > lastSequence + 1) {
            WalProblem gap = new WalProblem(
                    Kind.GAP,
                    file,
                    0,
                    0,
                    "first sequence: expected %d, found %d: the entries between are missing, or it is of a copy of this log"
                            .formatted(lastSequence + 1, firstSequence));
            report(gap);
            quarantine.gap(gap, lastSequence + 1, firstSequence - 1);
            lost(firstSequence - 1 - lastSequence);
        }
    }

    private void lost(long count) {
        lostEntries += count;
        metrics.lostEntries.increment((double) count);
    }

    private void torn(WalProblem problem) {
        note(problem);
        tornBytes += problem.lengthBytes();
        metrics.tornBytes.increment((double) problem.lengthBytes());
    }

    /// @param missing entries that are lost with it
    private void damage(WalProblem problem, long missing) throws IOException {
        report(problem);
        quarantined++;
        metrics.quarantined.increment();
        quarantine.damage(problem, missing);
        lost(missing);
    }

    /// Tells of a loss, which is an end of the start if the policy says so.
    private void report(WalProblem problem) throws IOException {
        if (settings.onCorruption() == CorruptionPolicy.FAIL) {
            throw new CorruptEntryException(problem);
        }
        note(problem);
    }

    private void note(WalProblem problem) {
        if (problems.size() == MAX_PROBLEMS) {
            unlisted++;
            return;
        }
        problems.add(problem.describe());
        switch (problem.kind()) {
            case CORRUPT, GAP, HEADER -> LOG.error("the log is damaged: {}", problem.describe());
            case OTHER_LOG -> LOG.error("a segment is not this log's: {}", problem.describe());
            case TORN_TAIL, EMPTY, FOREIGN -> LOG.warn("in the log's folder: {}", problem.describe());
        }
    }
}
