package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Names and finds the files of a log's folder.
final class SegmentDirectory {
    static final String LOCK = "lock";
    static final String QUARANTINE = "quarantine";
    /// Files of others that belong here: the ingester's identity.
    private static final Set<String> KNOWN = Set.of(LOCK, QUARANTINE, "ingester.id", "ingester.id.tmp", Wal.RESERVE);

    private static final Pattern NAME = Pattern.compile("(\\d{20})\\.(wal|spare)");

    private SegmentDirectory() {}

    /// What lies in a folder.
    ///
    /// @param segments by id
    /// @param spares allocated files that are no segments, by the id in their names
    /// @param foreign files that are none of the log's
    record Listing(TreeMap<Long, Path> segments, TreeMap<Long, Path> spares, List<Path> foreign) {}

    /// A segment's id is what its header says, if that is sound and above what its name says: a file is used again
    /// without syncing the folder, so that after a loss of power it may have an earlier name. If the header's id is
    /// lower, the file was renamed, and not used yet.
    static Listing list(Path directory) throws IOException {
        Listing listing = new Listing(new TreeMap<>(), new TreeMap<>(), new ArrayList<>());
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                String name = file.getFileName().toString();
                Matcher matcher = NAME.matcher(name);
                if (matcher.matches() && Files.isRegularFile(file) && isId(matcher.group(1))) {
                    add(
                            listing,
                            file,
                            Long.parseLong(matcher.group(1)),
                            matcher.group(2).equals("wal"));
                } else if (!KNOWN.contains(name)) {
                    listing.foreign().add(file);
                }
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return listing;
    }

    private static void add(Listing listing, Path file, long nameId, boolean isSegment) throws IOException {
        long headerId = headerId(file).orElse(0);
        if (headerId > nameId) {
            Path other = listing.segments().put(headerId, file);
            if (other != null) {
                listing.foreign().add(other);
            }
        } else if (isSegment && !listing.segments().containsKey(nameId)) {
            listing.segments().put(nameId, file);
        } else if (isSegment) {
            listing.foreign().add(file);
        } else {
            listing.spares().put(nameId, file);
        }
    }

    private static OptionalLong headerId(Path file) throws IOException {
        return header(file).map(header -> OptionalLong.of(header.segmentId())).orElse(OptionalLong.empty());
    }

    /// A file's header; empty if it is not sound, or if the file has gone.
    static Optional<SegmentHeader> header(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return Optional.of(SegmentFormat.header(in.readNBytes(SegmentFormat.HEADER_BYTES)));
        } catch (IllegalArgumentException | NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private static boolean isId(String digits) {
        try {
            return Long.parseLong(digits) >= 1;
        } catch (NumberFormatException e) {
            return false; // 20 digits can be more than a long holds
        }
    }

    static Path file(Path directory, long id) {
        return directory.resolve("%020d.wal".formatted(id));
    }

    /// The name of a file while it is no segment.
    static Path spare(Path segment) {
        String name = segment.getFileName().toString();
        return segment.resolveSibling(name.substring(0, name.lastIndexOf('.')) + ".spare");
    }

    /// Makes the names in a folder durable.
    static void sync(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /// The number that the segments behind `id` begin with; empty if they tell of none.
    static OptionalLong firstBehind(NavigableMap<Long, Path> segments, long id, ReadAheadBuffers buffers)
            throws IOException {
        for (Map.Entry<Long, Path> later : segments.tailMap(id, false).entrySet()) {
            OptionalLong first = SegmentReader.firstSequence(later.getValue(), later.getKey(), buffers);
            if (first.isPresent()) {
                return first;
            }
        }
        return OptionalLong.empty();
    }

    /// Bytes of all segments.
    static long sizeBytes(Map<Long, Path> segments) throws IOException {
        long bytes = 0;
        for (Path file : segments.values()) {
            bytes += Files.size(file);
        }
        return bytes;
    }
}
