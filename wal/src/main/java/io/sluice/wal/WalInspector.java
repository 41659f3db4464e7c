package io.sluice.wal;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ThreadFactory;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks at a log's folder without changing it, also while a server uses it: what is being written then may look torn.
public final class WalInspector {
    private static final Logger LOG = LoggerFactory.getLogger(WalInspector.class);

    private final Path directory;

    private final ThreadFactory threads;

    /// @param threads makes a thread that reads ahead, for each look
    public WalInspector(Path directory, ThreadFactory threads) {
        this.directory = directory;
        this.threads = threads;
    }

    /// One segment as it lies there.
    ///
    /// @param version of the format; empty, like `createdAt`, if the header is damaged
    /// @param firstSequence number of its first entry; empty if it has none
    /// @param lastSequence number of its last entry; empty if it has none
    /// @param usedBytes up to the end of its last entry, of `sizeBytes`
    /// @param owner under whose name its entries are numbered; empty if it does not tell
    public record SegmentInfo(
            long id,
            Path file,
            long sizeBytes,
            Optional<Integer> version,
            Optional<Instant> createdAt,
            Optional<Long> firstSequence,
            Optional<Long> lastSequence,
            long entries,
            long payloadBytes,
            long usedBytes,
            Optional<UUID> owner) {}

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
        scan(false, (_, _) -> {}, _ -> {}, infos::add);
        return infos;
    }

    /// Hands over every entry, in order, and each segment behind its entries: one reading of the log.
    ///
    /// @throws IOException if the folder cannot be read
    public void look(Consumer<EntryInfo> entries, Consumer<SegmentInfo> segments) throws IOException {
        scan(true, (segmentId, entry) -> entries.accept(info(segmentId, entry)), _ -> {}, segments);
    }

    private static EntryInfo info(long segmentId, SegmentReader.Entry entry) throws IOException {
        return new EntryInfo(entry.sequence(), segmentId, entry.position(), Payloads.decode(entry));
    }

    /// Everything that is not as it should be; empty if the log is sound.
    public List<WalProblem> verify() throws IOException {
        List<WalProblem> problems = new ArrayList<>();
        scan(false, (_, _) -> {}, problems::add, _ -> {});
        for (Path foreign : SegmentDirectory.list(directory).foreign()) {
            problems.add(new WalProblem(WalProblem.Kind.FOREIGN, foreign, 0, 0, "not a file of the log"));
        }
        return problems;
    }

    /// Hands over the entries numbered `from` to `to`, both inclusive, in order.
    public void entries(long from, long to, Consumer<EntryInfo> consumer) throws IOException {
        scan(
                true,
                (segmentId, entry) -> {
                    if (entry.sequence() >= from && entry.sequence() <= to) {
                        consumer.accept(info(segmentId, entry));
                    }
                },
                _ -> {},
                _ -> {});
    }

    /// Takes an entry of a segment.
    @FunctionalInterface
    interface EntryConsumer {
        void accept(long segmentId, SegmentReader.Entry entry) throws IOException;
    }

    private void scan(
            boolean withPayloads, EntryConsumer entries, Consumer<WalProblem> problems, Consumer<SegmentInfo> segments)
            throws IOException {
        TreeMap<Long, Path> files = SegmentDirectory.list(directory).segments();
        OptionalLong last = OptionalLong.empty();
        SegmentChain chain = new SegmentChain(Optional.empty());
        try (ReadAheadBuffers buffers = new ReadAheadBuffers(threads)) {
            for (Map.Entry<Long, Path> file : files.entrySet()) {
                try (SegmentReader reader =
                        new SegmentReader(file.getValue(), file.getKey(), last.orElse(0), withPayloads, buffers)) {
                    SegmentScan scan = new SegmentScan(reader, file.getValue(), file.getKey(), files, buffers, chain);
                    last = scan.run(last, entries, problems);
                    scan.info().ifPresent(segments);
                } catch (NoSuchFileException e) {
                    // The server has let go of it since it was listed: its entries are in files.
                    LOG.debug("{} is gone", file.getValue(), e);
                }
            }
        }
    }
}
