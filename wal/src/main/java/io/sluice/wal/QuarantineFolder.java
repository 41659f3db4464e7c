package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The folder `quarantine` of a log: copies of damage, and writes that did not apply. Nothing reads them but people, so
/// they stay until people say that they may go. Asks the disk at each call; any thread may call, also while a server
/// uses the log.
public final class QuarantineFolder {
    private static final Pattern STRETCH = Pattern.compile("(\\d{20}\\.(?:wal|spare))\\.(\\d{1,18})");
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

        /// A write that was sound in the log, and did not apply.
        record Write(SequenceNumber sequence) implements Origin {}
    }

    /// One file that was set aside.
    public record Item(Path file, long sizeBytes, Origin origin) {}

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
    }

    /// What was set aside; nothing if there is no such folder.
    public Contents contents() throws IOException {
        List<Item> items = new ArrayList<>();
        List<Path> foreign = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                add(file, items, foreign);
            }
        } catch (NoSuchFileException e) {
            return new Contents(List.of(), List.of());
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return new Contents(items, foreign);
    }

    private static void add(Path file, List<Item> items, List<Path> foreign) throws IOException {
        String name = file.getFileName().toString();
        Matcher stretch = STRETCH.matcher(name);
        Matcher write = WRITE.matcher(name);
        boolean isStretch = stretch.matches();
        try {
            if (!Files.isRegularFile(file) || !(isStretch || write.matches())) {
                foreign.add(file);
                return;
            }
            Origin origin = isStretch
                    ? new Origin.Stretch(stretch.group(1), Long.parseLong(stretch.group(2)))
                    : new Origin.Write(new SequenceNumber(Long.parseLong(write.group(1))));
            items.add(new Item(file, Files.size(file), origin));
        } catch (NumberFormatException e) {
            foreign.add(file); // 20 digits can be more than a long holds
        } catch (NoSuchFileException e) {
            return; // somebody discarded it meanwhile
        }
    }

    /// Deletes an item; it is fine if it is gone.
    public void discard(Item item) throws IOException {
        Files.deleteIfExists(item.file());
    }

    /// The folder, which may not be there yet.
    public Path directory() {
        return directory;
    }

    /// The name of the copy of a damaged stretch.
    static String stretchName(Path segment, long position) {
        return "%s.%d".formatted(segment.getFileName(), position);
    }

    /// The name of the file of a write that did not apply.
    public static String writeName(SequenceNumber sequence) {
        return "write-%020d.bin".formatted(sequence.value());
    }
}
