package io.sluice.wal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The folder for copies of what could not be read.
final class Quarantine {
    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);
    /// How many stretches are copied in one start; what is behind them is copied with the last.
    private static final int MAX_COPIES = 1_000;

    private final Disk disk;
    private final Path directory;
    private int copies;

    /// @param directory the log's
    Quarantine(Disk disk, Path directory) {
        this.disk = disk;
        this.directory = directory;
    }

    /// Keeps a copy of a stretch of a file, on disk when this returns.
    void copy(Path file, long position, long lengthBytes) throws IOException {
        copies++;
        if (copies > MAX_COPIES) {
            LOG.error("{} copies were made already: none is made of {} at {}", MAX_COPIES, file, position);
            return;
        }
        Path folder = directory.resolve(SegmentDirectory.QUARANTINE);
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            disk.syncFolder(directory);
        }
        Path copy = folder.resolve(QuarantineFolder.stretchName(file, position));
        disk.copy(file, position, lengthBytes, copy);
        disk.syncFolder(folder);
        LOG.error("a copy of the damaged bytes is in {}", copy);
    }
}
