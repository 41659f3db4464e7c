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
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads a log from its first segment to its last and puts the folder in order. For one thread, once.
///
/// What is found behind the last entry of a segment that checks is a *torn tail*, and is cut off, if nothing that was
/// acknowledged can be missing: the segment is the last one, or the next one's header continues the numbers without a
/// gap. A crash leaves such a tail, as entries are acknowledged in order and only after a sync. Everything else that
/// does not check is *damage*: a copy goes to the quarantine folder, and reading goes on at the next entry that checks.
final class LogReplay {
    private static final Logger LOG = LoggerFactory.getLogger(LogReplay.class);

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
        for (Path foreign : listing.foreign()) {
            LOG.warn("{} is no file of the log; it is left alone", foreign);
            problems.add(new WalProblem(WalProblem.Kind.FOREIGN, foreign, 0, 0, "not a file of the log").describe());
        }
        TreeMap<Long, Path> files = listing.segments();
        totalBytes = SegmentDirectory.sizeBytes(files);
        int read = 0;
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            Optional<Long> nextFirst = nextFirst(files, file.getKey());
            read(file.getKey(), file.getValue(), nextFirst, handler);
            read++;
        }
        if (entries > 0 || read > 0) {
            LOG.info(
                    "replayed the log: {} segments, {} entries, {} bytes, {} torn bytes cut off, {} ranges quarantined",
                    read,
                    entries,
                    payloadBytes,
                    tornBytes,
                    quarantined);
        }
        return new ReplayReport(read, entries, payloadBytes, tornBytes, quarantined, problems);
    }

    /// The first number of the next segment with a sound header; empty behind the last.
    private static Optional<Long> nextFirst(NavigableMap<Long, Path> files, long id) throws IOException {
        for (Map.Entry<Long, Path> next : files.tailMap(id, false).entrySet()) {
            try (SegmentReader reader = new SegmentReader(next.getValue(), next.getKey(), 0)) {
                if (reader.header().isPresent()) {
                    return reader.header().map(SegmentHeader::firstSequence);
                }
            }
        }
        return Optional.empty();
    }

    private void read(long id, Path file, Optional<Long> nextFirst, EntryHandler handler)
            throws IOException, InterruptedException {
        long startBytes = doneBytes;
        long firstSequence = lastSequence + 1;
        long createdAtMillis = Files.getLastModifiedTime(file).toMillis();
        long keepBytes;
        long sizeBytes;
        boolean any = false;
        try (SegmentReader reader = new SegmentReader(file, id, lastSequence)) {
            sizeBytes = reader.sizeBytes();
            if (reader.header().isPresent()) {
                SegmentHeader header = reader.header().get();
                firstSequence = header.firstSequence();
                createdAtMillis = header.createdAtMillis();
                noteGap(file, firstSequence);
                lastSequence = Math.max(lastSequence, firstSequence - 1);
            } else if (sizeBytes < SegmentFormat.HEADER_BYTES || reader.isBlank()) {
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
                        any = true;
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
                        if (nextFirst.isEmpty() || nextFirst.get() == lastSequence + 1) {
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
        if (keepBytes < sizeBytes) {
            truncate(file, keepBytes);
        }
        doneBytes = startBytes + sizeBytes;
        segments.found(new Segment(
                id,
                file,
                keepBytes,
                firstSequence,
                any ? lastSequence : Math.max(firstSequence - 1, 0),
                createdAtMillis));
    }

    private void noteGap(Path file, long firstSequence) throws IOException {
        // Before the first segment there is no gap: what came earlier was deleted because it is in files.
        if (entries > 0 && firstSequence > lastSequence + 1) {
            WalProblem gap = new WalProblem(
                    WalProblem.Kind.GAP,
                    file,
                    0,
                    0,
                    "first sequence: expected %d, found %d: the entries between are missing"
                            .formatted(lastSequence + 1, firstSequence));
            report(gap);
        }
    }

    /// A segment shorter than its header, or without one byte but zeros: its creation was cut short, and no entry was
    /// in it, as the header is synced before there is one.
    private void drop(Path file, long sizeBytes) throws IOException {
        problems.add(new WalProblem(WalProblem.Kind.EMPTY, file, 0, sizeBytes, "its creation was cut short; deleted")
                .describe());
        LOG.warn("segment {} is empty: its creation was cut short; it is deleted", file);
        Files.delete(file);
    }

    private void torn(Path file, long position, long lengthBytes, String detail) {
        WalProblem problem = new WalProblem(WalProblem.Kind.TORN_TAIL, file, position, lengthBytes, detail);
        LOG.warn("cut off what was not written in full when the process ended: {}", problem.describe());
        problems.add(problem.describe());
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
        WalProblem problem = new WalProblem(kind, file, position, lengthBytes, detail);
        report(problem);
        Path folder = settings.directory().resolve(SegmentDirectory.QUARANTINE);
        Files.createDirectories(folder);
        Path copy = folder.resolve("%s.%d".formatted(file.getFileName(), position));
        try (FileChannel target = FileChannel.open(
                copy, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            reader.copy(position, lengthBytes, target);
            target.force(true);
        }
        SegmentDirectory.sync(folder);
        quarantined++;
        metrics.quarantined.increment();
        LOG.error("a copy of the damaged bytes is in {}", copy);
    }

    private void report(WalProblem problem) throws IOException {
        if (settings.onCorruption() == CorruptionPolicy.FAIL) {
            throw new CorruptEntryException(problem);
        }
        LOG.error("the log is damaged: {}", problem.describe());
        problems.add(problem.describe());
    }
}
