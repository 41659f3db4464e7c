package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The folder `quarantine` of a log: copies of damage, records of what was lost with it, and writes that did not apply.
/// Nothing reads them but people, so
/// they stay until people say that they may go. Asks the disk at each call; any thread may call, also while a server
/// uses the log.
public final class QuarantineFolder {
    private static final Pattern STRETCH = Pattern.compile("(\\d{20}\\.(?:wal|spare))\\.(\\d{1,18})");
    /// The record of what was lost with a stretch: `SEGMENT.POSITION.lost-ENTRIES-BYTES`, or `further-` for all those
    /// behind that were not copied.
    private static final Pattern LOSS =
            Pattern.compile("((\\d{20}\\.(?:wal|spare))\\.(\\d{1,18}))\\.(lost|further)-(\\d{1,18})-(\\d{1,18})");
    private static final Pattern GAP = Pattern.compile("gap-(\\d{20})-(\\d{20})\\.lost");
    private static final Pattern WRITE = Pattern.compile("write-(\\d{1,20})\\.(?:bin|tmp)");

    private final Path directory;

    /// @param logDirectory the log's folder; neither it nor the quarantine in it has to be there
    public QuarantineFolder(Path logDirectory) {
        this.directory = logDirectory.resolve(SegmentDirectory.QUARANTINE);
    }

    /// Where something that is set aside comes from.
    public sealed interface Origin {
        /// Damaged bytes of a segment.
        ///
        /// @param segment name of its file when the copy was made
        /// @param position byte offset in that file
        record Stretch(String segment, long position) implements Origin {}

        /// All damage of one start of which no copies were kept, as there was so much; the place of the last of it.
        record Further(String segment, long position) implements Origin {}

        /// Entries that were in no segment, though those before and behind them were. Found, and recorded, again at
        /// each start as long as the log has segments from before it.
        record Gap(SequenceNumber first, SequenceNumber last) implements Origin {}

        /// A write that was sound in the log, and did not apply.
        record Write(SequenceNumber sequence) implements Origin {}
    }

    /// What damage cost.
    ///
    /// @param entries that were acknowledged, as far as can be told, and could not be read
    /// @param bytes that could not be read
    public record Loss(long entries, long bytes) {
        public static final Loss NONE = new Loss(0, 0);

        /// Both together.
        public Loss plus(Loss other) {
            return new Loss(entries + other.entries, bytes + other.bytes);
        }
    }

    /// One file that was set aside, or a record of what was lost where there was nothing to set aside.
    ///
    /// @param loss what was lost with it
    public record Item(Path file, long sizeBytes, Origin origin, Loss loss) {}

    /// What is in the folder.
    ///
    /// @param items what the log set aside, by name
    /// @param foreign files that it did not put there
    public record Contents(List<Item> items, List<Path> foreign) {
        public Contents {
            items = List.copyOf(items);
            foreign = List.copyOf(foreign);
        }

        /// Bytes of all items.
        public long bytes() {
            return items.stream().mapToLong(Item::sizeBytes).sum();
        }

        /// What was lost with all of them.
        public Loss loss() {
            return items.stream().map(Item::loss).reduce(Loss.NONE, Loss::plus);
        }
    }

    /// What was set aside; nothing if there is no such folder.
    public Contents contents() throws IOException {
        List<Path> sorted;
        try (Stream<Path> files = Files.list(directory)) {
            sorted = files.sorted().toList();
        } catch (NoSuchFileException e) {
            return new Contents(List.of(), List.of());
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        Map<String, Item> byStretch = new HashMap<>();
        List<Item> items = new ArrayList<>();
        List<Path> foreign = new ArrayList<>();
        for (Path file : sorted) { // a stretch's record comes behind its copy
            try {
                Optional<Item> item = Files.isRegularFile(file) ? item(file, Files.size(file)) : Optional.empty();
                item.ifPresentOrElse(found -> add(found, items, byStretch), () -> foreign.add(file));
            } catch (NumberFormatException e) {
                foreign.add(file); // 20 digits can be more than a long holds
            } catch (NoSuchFileException _) {
                // somebody discarded it meanwhile
            }
        }
        return new Contents(items, foreign);
    }

    private static Optional<Item> item(Path file, long sizeBytes) {
        String name = file.getFileName().toString();
        Matcher stretch = STRETCH.matcher(name);
        if (stretch.matches()) {
            Origin origin = new Origin.Stretch(stretch.group(1), Long.parseLong(stretch.group(2)));
            return Optional.of(new Item(file, sizeBytes, origin, Loss.NONE));
        }
        Matcher write = WRITE.matcher(name);
        if (write.matches()) {
            Origin origin = new Origin.Write(new SequenceNumber(Long.parseLong(write.group(1))));
            return Optional.of(new Item(file, sizeBytes, origin, Loss.NONE));
        }
        Matcher gap = GAP.matcher(name);
        if (gap.matches()) {
            long first = Long.parseLong(gap.group(1));
            long last = Long.parseLong(gap.group(2));
            Origin origin = new Origin.Gap(new SequenceNumber(first), new SequenceNumber(last));
            return Optional.of(new Item(file, sizeBytes, origin, new Loss(Math.max(0, last - first + 1), 0)));
        }
        Matcher loss = LOSS.matcher(name);
        if (loss.matches()) {
            String segment = loss.group(2);
            long position = Long.parseLong(loss.group(3));
            Origin origin = loss.group(4).equals("lost")
                    ? new Origin.Stretch(segment, position)
                    : new Origin.Further(segment, position);
            Loss lost = new Loss(Long.parseLong(loss.group(5)), Long.parseLong(loss.group(6)));
            return Optional.of(new Item(file, sizeBytes, origin, lost));
        }
        return Optional.empty();
    }

    /// A record belongs to its stretch's copy, if that is there.
    private static void add(Item item, List<Item> items, Map<String, Item> copies) {
        if (!(item.origin() instanceof Origin.Stretch(String segment, long position))) {
            items.add(item);
            return;
        }
        String name = stretchName(segment, position);
        Item copy = copies.get(name);
        if (copy != null && copy.loss().equals(Loss.NONE)) {
            Item both = new Item(copy.file(), copy.sizeBytes(), copy.origin(), item.loss());
            items.set(items.indexOf(copy), both);
            copies.put(name, both);
        } else {
            items.add(item);
            if (item.file().endsWith(name)) {
                copies.put(name, item);
            }
        }
    }

    /// Deletes an item, with the record of its loss; it is fine if it is gone.
    public void discard(Item item) throws IOException {
        Files.deleteIfExists(item.file());
        // Behind the copy: cut short in between, the loss is still told.
        if (item.origin() instanceof Origin.Stretch(String segment, long position)) {
            Files.deleteIfExists(directory.resolve(lossName(segment, position, item.loss())));
        }
    }

    /// The folder, which may not be there yet.
    public Path directory() {
        return directory;
    }

    /// The name of the copy of a damaged stretch.
    static String stretchName(Path segment, long position) {
        return stretchName(String.valueOf(segment.getFileName()), position);
    }

    private static String stretchName(String segment, long position) {
        return "%s.%d".formatted(segment, position);
    }

    /// The name of the record of what was lost with a damaged stretch.
    static String lossName(Path segment, long position, Loss loss) {
        return lossName(String.valueOf(segment.getFileName()), position, loss);
    }

    private static String lossName(String segment, long position, Loss loss) {
        return "%s.lost-%d-%d".formatted(stretchName(segment, position), loss.entries(), loss.bytes());
    }

    /// The name of the record of what was lost with stretches of which there are no copies.
    static String furtherLossName(Path segment, long position, Loss loss) {
        return "%s.further-%d-%d".formatted(stretchName(segment, position), loss.entries(), loss.bytes());
    }

    /// The name of the record of entries that are missing between two segments.
    static String gapName(long firstLost, long lastLost) {
        return "gap-%020d-%020d.lost".formatted(firstLost, lastLost);
    }

    /// The name of the file of a write that did not apply.
    public static String writeName(SequenceNumber sequence) {
        return "write-%020d.bin".formatted(sequence.value());
    }
}
