package io.sluice.ingester.it;

import io.sluice.wal.format.SegmentFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// What tests do to folders behind a server's back.
final class Folders {
    private Folders() {}

    /// Makes `target` a copy of `source`, whatever it was before. If a server gives a file another name meanwhile, it
    /// is copied again from the start.
    static void copy(Path source, Path target) throws IOException {
        while (!tryCopy(source, target)) {
            Thread.onSpinWait();
        }
    }

    private static boolean tryCopy(Path source, Path target) throws IOException {
        delete(target);
        try {
            for (Path file : walk(source)) {
                Files.copy(file, target.resolve(source.relativize(file).toString()));
            }
            return true;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            for (Path file : walk(folder).reversed()) {
                Files.delete(file);
            }
        }
    }

    private static List<Path> walk(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.sorted(Comparator.naturalOrder()).toList();
        } catch (UncheckedIOException e) {
            throw e.getCause(); // a stream cannot throw it as it is
        }
    }

    /// The segments of the log in a data folder that hold entries, or did, oldest first.
    static List<Path> segments(Path dataDirectory) throws IOException {
        try (Stream<Path> files = Files.list(dataDirectory.resolve("wal"))) {
            return files.filter(Folders::isBegun).sorted().toList();
        }
    }

    /// Whether a file is a segment with a header, and not one that was made ready to become a segment.
    private static boolean isBegun(Path file) {
        if (!file.toString().endsWith(".wal")) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            return SegmentFormat.header(in.readNBytes(SegmentFormat.HEADER_BYTES))
                    .isBegun();
        } catch (IllegalArgumentException e) {
            return false; // no header
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
