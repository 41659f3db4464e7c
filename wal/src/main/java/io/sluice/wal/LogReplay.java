package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.SegmentReader.Item;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads a log from its first segment to its last and puts the folder in order. For one thread, once.
///
/// What is found behind the last entry of a segment that checks is a *torn tail*, and is cut off, if nothing that was
/// acknowledged can be missing: the segments behind it go on with the numbers without a gap, or there are none. A crash
/// leaves such a tail, as entries are acknowledged in order and only after a sync. Everything else that does not check
/// is *damage*: a copy goes to the quarantine folder, and reading goes on at the next entry that checks.
///
/// A segment whose header is damaged and in which nothing checks is in the quarantine in full, and is deleted: it tells
/// no numbers, and would be found again by each start.
final class LogReplay {
    private static final Logger LOG = LoggerFactory.getLogger(LogReplay.class);
    /// How many problems are told one by one.
    private static final int MAX_PROBLEMS = 1_000;
    /// How many stretches of one segment are copied one by one; the next copy holds all that is behind them.
    private static final int MAX_COPIES = 100;

    private final WalSettings settings;
    private final SegmentList segments;
    private final WalMetrics metrics;
    private final List<String> problems = new ArrayList<>();
    private volatile long doneBytes;
    private volatile long totalBytes;
    private long lastSequence;
    private long entries;
    private long payloadBytes;
    private long tornBytes;
    private int quarantined;
    private long unlisted;
    /// Whether a segment has told where the numbers stand.
    private boolean numbersKnown;
    /// Of the segment that is being read.
    private int copies;

    LogReplay(WalSettings settings, SegmentList segments, WalMetrics metrics) {
        this.settings = settings;
        this.segments = segments;
        this.metrics = metrics;
    }

    ReplayProgress progress() {
        return new ReplayProgress(doneBytes, totalBytes);
    }

    ReplayReport run(EntryHandler handler) throws IOException, InterruptedException {
        SegmentDirectory.Listing listing = SegmentDirectory.list(settings.directory());
        TreeMap<Long, Path> files = listing.segments();
        requireKnownVersions(files);
        for (Path foreign : listing.foreign()) {
            note(new WalProblem(WalProblem.Kind.FOREIGN, foreign, 0, 0, "not a file of the log; it is left alone"));
        }
        totalBytes = SegmentDirectory.sizeBytes(files);
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            read(file.getKey(), file.getValue(), files, handler);
        }
        if (unlisted > 0) {
            problems.add("%d more problems".formatted(unlisted));
        }
        if (!files.isEmpty()) {
            LOG.info(
                    "replayed the log: {} segments, {} entries, {} bytes, {} torn bytes cut off, {} ranges quarantined",
                    files.size(),
                    entries,
                    payloadBytes,
                    tornBytes,
                    quarantined);
        }
        return new ReplayReport(files.size(), entries, payloadBytes, tornBytes, quarantined, problems);
    }

    /// Before anything is handed out or changed.
    private static void requireKnownVersions(Map<Long, Path> files) throws IOException {
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            new SegmentReader(file.getValue(), file.getKey(), 0).close();
        }
    }

    private void read(long id, Path file, NavigableMap<Long, Path> files, EntryHandler handler)
            throws IOException, InterruptedException {
        long startBytes = doneBytes;
        long firstSequence = lastSequence + 1;
        long createdAtMillis = Files.getLastModifiedTime(file).toMillis();
        long keepBytes;
        long sizeBytes;
        boolean tellsNumbers;
        copies = 0;
        try (SegmentReader reader = new SegmentReader(file, id, lastSequence)) {
            sizeBytes = reader.sizeBytes();
            tellsNumbers = reader.header().isPresent();
            if (reader.header().isPresent()) {
                SegmentHeader header = reader.header().get();
                firstSequence = header.firstSequence();
                createdAtMillis = header.createdAtMillis();
                noteGap(file, firstSequence);
                lastSequence = Math.max(lastSequence, firstSequence - 1);
            } else if (reader.isCutShort()) {
                drop(file, sizeBytes);
                doneBytes = startBytes + sizeBytes;
                return;
            } else {
                damage(
                        WalProblem.Kind.HEADER,
                        reader,
                        file,
                        0,
                        Math.min(SegmentFormat.HEADER_BYTES, sizeBytes),
                        reader.headerProblem());
            }
            keepBytes = sizeBytes;
            boolean more = true;
            while (more) {
                switch (reader.next()) {
                    case Item.Entry(long _, long sequence, byte[] payload) -> {
                        tellsNumbers = true;
                        lastSequence = sequence;
                        entries++;
                        payloadBytes += payload.length;
                        handler.entry(new SequenceNumber(sequence), payload);
                    }
                    case Item.Damage(long position, long lengthBytes, String detail) ->
                        damage(WalProblem.Kind.CORRUPT, reader, file, position, lengthBytes, detail);
                    case Item.End _ -> more = false;
                    case Item.Tail(long position, long lengthBytes, String detail) -> {
                        more = false;
                        if (tellsNumbers && SegmentDirectory.goesOnWith(lastSequence + 1, files, id)) {
                            torn(file, position, lengthBytes, detail);
                            keepBytes = position;
                        } else {
                            damage(WalProblem.Kind.CORRUPT, reader, file, position, lengthBytes, detail);
                        }
                    }
                }
                doneBytes = startBytes + reader.position();
            }
        }
        doneBytes = startBytes + sizeBytes;
        if (!tellsNumbers) {
            Files.delete(file);
            return;
        }
        numbersKnown = true;
        if (keepBytes < sizeBytes) {
            truncate(file, keepBytes);
        }
        segments.found(new Segment(
                id, file, keepBytes, firstSequence, Math.max(lastSequence, firstSequence - 1), createdAtMillis));
    }

    private void noteGap(Path file, long firstSequence) throws IOException {
        // Before the first segment there is no gap: what came earlier was deleted because it is in files.
        if (numbersKnown && firstSequence > lastSequence + 1) {
            report(new WalProblem(
                    WalProblem.Kind.GAP,
                    file,
                    0,
                    0,
                    "first sequence: expected %d, found %d: the entries between are missing"
                            .formatted(lastSequence + 1, firstSequence)));
        }
    }

    /// A segment whose creation was cut short: no entry was in it, as the header is synced before there is one.
    private void drop(Path file, long sizeBytes) throws IOException {
        note(new WalProblem(WalProblem.Kind.EMPTY, file, 0, sizeBytes, "its creation was cut short; deleted"));
        Files.delete(file);
    }

    private void torn(Path file, long position, long lengthBytes, String detail) {
        note(new WalProblem(WalProblem.Kind.TORN_TAIL, file, position, lengthBytes, detail));
        tornBytes += lengthBytes;
        metrics.tornBytes.increment((double) lengthBytes);
    }

    private static void truncate(Path file, long sizeBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(sizeBytes);
            channel.force(true);
        }
    }

    private void damage(
            WalProblem.Kind kind, SegmentReader reader, Path file, long position, long lengthBytes, String detail)
            throws IOException {
        report(new WalProblem(kind, file, position, lengthBytes, detail));
        quarantined++;
        metrics.quarantined.increment();
        copies++;
        if (copies <= MAX_COPIES) {
            copy(reader, file, position, lengthBytes);
        } else if (copies == MAX_COPIES + 1) {
            copy(reader, file, position, reader.sizeBytes() - position);
        }
    }

    private void copy(SegmentReader reader, Path file, long position, long lengthBytes) throws IOException {
        Path folder = settings.directory().resolve(SegmentDirectory.QUARANTINE);
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            SegmentDirectory.sync(settings.directory());
        }
        Path copy = folder.resolve("%s.%d".formatted(file.getFileName(), position));
        try (FileChannel target = FileChannel.open(
                copy, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            reader.copy(position, lengthBytes, target);
            target.force(true);
        }
        SegmentDirectory.sync(folder);
        LOG.error("a copy of the damaged bytes is in {}", copy);
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
            case TORN_TAIL, EMPTY, FOREIGN -> LOG.warn("in the log's folder: {}", problem.describe());
        }
    }
}
