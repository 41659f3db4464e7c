package io.sluice.ingester.cli;

import io.sluice.wal.WalInspector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/// Options that say where the log is.
final class WalFolder {
    private static final Path NONE = Path.of("");
    private static final Path DEFAULT = Path.of("./sluice-data");

    @Option(names = "--data-dir", paramLabel = "DIR", description = "The server's data folder (default: ./sluice-data)")
    private Path dataDirectory = NONE;

    @Option(names = "--wal-dir", paramLabel = "DIR", description = "The log's folder (default: wal in the data folder)")
    private Path walDirectory = NONE;

    /// The log's folder, which is there.
    Path path() {
        Path folder = dataDirectory()
                .filter(_ -> walDirectory.equals(NONE))
                .map(data -> data.resolve("wal"))
                .orElse(walDirectory);
        if (!Files.isDirectory(folder)) {
            throw new CommandFailedException(ExitCodes.IO, "there is no log folder %s".formatted(folder));
        }
        return folder;
    }

    /// The data folder of the server that has the log; empty if only the log's folder was given, which may belong to
    /// any.
    Optional<Path> dataDirectory() {
        if (!dataDirectory.equals(NONE)) {
            return Optional.of(dataDirectory);
        }
        return walDirectory.equals(NONE) ? Optional.of(DEFAULT) : Optional.empty();
    }

    WalInspector inspector() {
        return new WalInspector(
                path(), Thread.ofPlatform().daemon().name("read-ahead").factory());
    }
}
