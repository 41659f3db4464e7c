package io.sluice.ingester.disk;

import java.io.IOException;
import java.nio.file.FileStore;
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

    private static Space ask(Path folder) throws IOException {
        Path there = folder.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        FileStore store = Files.getFileStore(there);
        return new Space(store, store.getTotalSpace() - store.getUnallocatedSpace(), store.getUsableSpace());
    }
}
