package io.sluice.ingester.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// What tests do to folders behind a server's back.
final class Folders {
    private Folders() {}

    /// Makes `target` a copy of `source`, whatever it was before.
    static void copy(Path source, Path target) throws IOException {
        delete(target);
        for (Path file : walk(source)) {
            Files.copy(file, target.resolve(source.relativize(file).toString()));
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
        }
    }

    /// The segments of the log in a data folder, oldest first.
    static List<Path> segments(Path dataDirectory) throws IOException {
        try (Stream<Path> files = Files.list(dataDirectory.resolve("wal"))) {
            return files.filter(file -> file.toString().endsWith(".wal"))
                    .sorted()
                    .toList();
        }
    }
}
