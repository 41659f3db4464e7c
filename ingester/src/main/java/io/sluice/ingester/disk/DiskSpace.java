package io.sluice.ingester.disk;

import java.io.File;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Asks a file system how full it is. Any thread may call.
@FunctionalInterface
public interface DiskSpace {
    /// The file systems of this machine.
    DiskSpace REAL = DiskSpace::ask;

    /// How full the file system of a folder is.
    ///
    /// @param folder need not exist, but something above it does
    /// @throws IOException if nobody can tell
    Space of(Path folder) throws IOException;

    /// How full a file system is.
    ///
    /// @param fileSystem the same for all folders on it, by `equals`
    /// @param usedBytes taken
    /// @param freeBytes what this process may still take, which may be less than is not taken
    record Space(Object fileSystem, long usedBytes, long freeBytes) {
        /// Used, of what could be: as `df` tells it.
        public double usedShare() {
            long reachable = usedBytes + freeBytes;
            return reachable == 0 ? 1 : (double) usedBytes / reachable;
        }
    }

    /// Of the device's number and three calls of `statvfs`; a [java.nio.file.FileStore] would read the table of all
    /// mounts each time, which takes a hundred times as long.
    private static Space ask(Path folder) throws IOException {
        Path there = folder.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        Object device = Files.getAttribute(there, "unix:dev");
        File file = there.toFile();
        long bytes = file.getTotalSpace();
        if (bytes == 0) {
            throw new FileSystemException(there.toString(), null, "its file system does not tell its size");
        }
        return new Space(device, bytes - file.getFreeSpace(), file.getUsableSpace());
    }
}
