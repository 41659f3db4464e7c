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

/// The folder `quarantine` of a log: copies of damage, segments of other logs, records of what was lost with them, and
/// writes that did not apply. Nothing reads them but people, so they stay until people say that they may go. Asks the
/// disk at each call; any thread may call, also while a server uses the log.
public final class QuarantineFolder {
    private static final Pattern STRETCH = Pattern.compile("(\\d{20}\\.(?:wal|spare))\\.(\\d{1,18})");
    /// The record of what was lost with a stretch: `SEGMENT.POSITION.lost-ENTRIES-BYTES`, or `further-` for all those
    /// behind that were not copied; `moved-` for a segment of another log.
    private static final Pattern LOSS =
            Pattern.compile("((\\d{20}\\.(?:wal|spare))\\.(\\d{1,18}))\\.(lost|further|moved)-(\\d{1,18})-(\\d{1,18})");
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

        /// A whole segment of another log, or of a copy of this one that was written to as well; none of it is
        /// replayed.
        ///
        /// @param segment name of its file when it was moved
        /// @param number tells those of one name apart
        record OtherLog(String segment, long number) implements Origin {}

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
            Origin origin = switch (loss.group(4)) {
                case "lost" -> new Origin.Stretch(segment, position);
                case "moved" -> new Origin.OtherLog(segment, position);
                default -> new Origin.Further(segment, position);
            };
            Loss lost = new Loss(Long.parseLong(loss.group(5)), Long.parseLong(loss.group(6)));
            return Optional.of(new Item(file, sizeBytes, origin, lost));
        }
        return Optional.empty();
    }

    /// A record belongs to its stretch's copy, or to its segment, if that is there.
    private static void add(Item item, List<Item> items, Map<String, Item> copies) {
        Optional<String> copyName = copyName(item.origin());
        if (copyName.isEmpty()) {
            items.add(item);
            return;
        }
        String name = copyName.get();
        Item copy = copies.get(name);
        if (copy != null && copy.loss().equals(Loss.NONE)) {
            Item both = new Item(copy.file(), copy.sizeBytes(), item.origin(), item.loss());
            items.set(items.indexOf(copy), both);
            copies.put(name, both);
        } else {
            items.add(item);
            if (item.file().endsWith(name)) {
                copies.put(name, item);
            }
        }
    }

    private static Optional<String> copyName(Origin origin) {
        return switch (origin) {
            case Origin.Stretch(String segment, long position) -> Optional.of(stretchName(segment, position));
            case Origin.OtherLog(String segment, long number) -> Optional.of(stretchName(segment, number));
            case Origin.Further _, Origin.Gap _, Origin.Write _ -> Optional.empty();
        };
    }

    /// Deletes an item, with the record of its loss; it is fine if it is gone.
    public void discard(Item item) throws IOException {
        Files.deleteIfExists(item.file());
        // Behind the copy: cut short in between, the loss is still told.
        switch (item.origin()) {
            case Origin.Stretch(String segment, long position) ->
                Files.deleteIfExists(directory.resolve(lossName(segment, position, item.loss())));
            case Origin.OtherLog(String segment, long number) ->
                Files.deleteIfExists(directory.resolve(movedName(segment, number, item.loss())));
            case Origin.Further _, Origin.Gap _, Origin.Write _ -> {}
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

    /// The name of the record of what is in a segment of another log.
    static String movedName(Path segment, long number, Loss loss) {
        return movedName(String.valueOf(segment.getFileName()), number, loss);
    }

    private static String movedName(String segment, long number, Loss loss) {
        return "%s.moved-%d-%d".formatted(stretchName(segment, number), loss.entries(), loss.bytes());
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
