package io.sluice.wal;

import io.sluice.wal.SegmentReader.Item;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks at a log's folder without changing it, also while a server uses it: what is being written then may look torn.
public final class WalInspector {
    private static final Logger LOG = LoggerFactory.getLogger(WalInspector.class);

    private final Path directory;

    public WalInspector(Path directory) {
        this.directory = directory;
    }

    /// One segment as it lies there.
    ///
    /// @param version of the format; empty, like `createdAt`, if the header is damaged
    /// @param firstSequence number of its first entry; empty if it has none
    /// @param lastSequence number of its last entry; empty if it has none
    public record SegmentInfo(
            long id,
            Path file,
            long sizeBytes,
            Optional<Integer> version,
            Optional<Instant> createdAt,
            Optional<Long> firstSequence,
            Optional<Long> lastSequence,
            long entries,
            long payloadBytes) {}

    /// One entry.
    ///
    /// @param segmentId of the segment that holds it
    /// @param position byte offset in the segment
    public record EntryInfo(long sequence, long segmentId, long position, byte[] payload) {}

    /// All segments, by id.
    ///
    /// @throws IOException if the folder cannot be read
    public List<SegmentInfo> segments() throws IOException {
        List<SegmentInfo> infos = new ArrayList<>();
        scan(_ -> {}, _ -> {}, infos::add);
        return infos;
    }

    /// Everything that is not as it should be; empty if the log is sound.
    public List<WalProblem> verify() throws IOException {
        List<WalProblem> problems = new ArrayList<>();
        scan(_ -> {}, problems::add, _ -> {});
        for (Path foreign : SegmentDirectory.list(directory).foreign()) {
            problems.add(new WalProblem(WalProblem.Kind.FOREIGN, foreign, 0, 0, "not a file of the log"));
        }
        return problems;
    }

    /// Hands over the entries numbered `from` to `to`, both inclusive, in order.
    public void entries(long from, long to, Consumer<EntryInfo> consumer) throws IOException {
        scan(
                entry -> {
                    if (entry.sequence() >= from && entry.sequence() <= to) {
                        consumer.accept(entry);
                    }
                },
                _ -> {},
                _ -> {});
    }

    private void scan(Consumer<EntryInfo> entries, Consumer<WalProblem> problems, Consumer<SegmentInfo> segments)
            throws IOException {
        TreeMap<Long, Path> files = SegmentDirectory.list(directory).segments();
        OptionalLong last = OptionalLong.empty();
        for (Map.Entry<Long, Path> file : files.entrySet()) {
            try {
                last = scan(file.getKey(), file.getValue(), files, last, entries, problems, segments);
            } catch (NoSuchFileException e) {
                // The server has deleted it since it was listed: its entries are in files.
                LOG.debug("{} is gone", file.getValue(), e);
            }
        }
    }

    /// @param lastBefore the last number that the segments before this one tell; empty if none does
    private static OptionalLong scan(
            long id,
            Path file,
            NavigableMap<Long, Path> files,
            OptionalLong lastBefore,
            Consumer<EntryInfo> entries,
            Consumer<WalProblem> problems,
            Consumer<SegmentInfo> segments)
            throws IOException {
        try (SegmentReader reader = new SegmentReader(file, id, lastBefore.orElse(0))) {
            Optional<SegmentHeader> header = reader.header();
            if (header.isEmpty()) {
                WalProblem.Kind kind = reader.isCutShort() ? WalProblem.Kind.EMPTY : WalProblem.Kind.HEADER;
                long lengthBytes = Math.min(SegmentFormat.HEADER_BYTES, reader.sizeBytes());
                problems.accept(new WalProblem(kind, file, 0, lengthBytes, reader.headerProblem()));
            } else if (lastBefore.isPresent() && header.get().firstSequence() > lastBefore.getAsLong() + 1) {
                problems.accept(new WalProblem(
                        WalProblem.Kind.GAP,
                        file,
                        0,
                        0,
                        "first sequence: expected %d, found %d"
                                .formatted(
                                        lastBefore.getAsLong() + 1, header.get().firstSequence())));
            }
            OptionalLong known = header.isPresent()
                    ? OptionalLong.of(
                            Math.max(lastBefore.orElse(0), header.get().firstSequence() - 1))
                    : lastBefore;
            long first = 0;
            long last = 0;
            long count = 0;
            long payloadBytes = 0;
            boolean more = true;
            while (more) {
                switch (reader.next()) {
                    case Item.Entry(long position, long sequence, byte[] payload) -> {
                        first = first == 0 ? sequence : first;
                        last = sequence;
                        known = OptionalLong.of(sequence);
                        count++;
                        payloadBytes += payload.length;
                        entries.accept(new EntryInfo(sequence, id, position, payload));
                    }
                    case Item.Damage(long position, long lengthBytes, String detail) ->
                        problems.accept(new WalProblem(WalProblem.Kind.CORRUPT, file, position, lengthBytes, detail));
                    case Item.Tail(long position, long lengthBytes, String detail) -> {
                        more = false;
                        boolean isTorn = (header.isPresent() || count > 0)
                                && SegmentDirectory.goesOnWith(known.orElse(0) + 1, files, id);
                        WalProblem.Kind kind = isTorn ? WalProblem.Kind.TORN_TAIL : WalProblem.Kind.CORRUPT;
                        problems.accept(new WalProblem(kind, file, position, lengthBytes, detail));
                    }
                    case Item.End _ -> more = false;
                }
            }
            segments.accept(new SegmentInfo(
                    id,
                    file,
                    reader.sizeBytes(),
                    header.map(SegmentHeader::version),
                    header.map(found -> Instant.ofEpochMilli(found.createdAtMillis())),
                    count == 0 ? Optional.empty() : Optional.of(first),
                    count == 0 ? Optional.empty() : Optional.of(last),
                    count,
                    payloadBytes));
            return known;
        }
    }
}
