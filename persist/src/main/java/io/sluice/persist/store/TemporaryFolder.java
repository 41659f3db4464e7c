package io.sluice.persist.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A folder for the unfinished files of one process, which the next process to come removes if this one died.
///
/// | in the parent  | is                                                                          |
/// |----------------|-----------------------------------------------------------------------------|
/// | `owner-N.new`  | a lock file on the way to its name                                          |
/// | `owner-N.lock` | locked as long as its process lives                                         |
/// | `owner-N/`     | that process's unfinished files; made after its lock file, removed before it |
///
/// Whoever gets the lock of an `owner-N` knows that its process is gone. A lock file is locked before it gets
/// its name, so that nobody takes a process that starts for one that died. On a file system without locks
/// nothing is removed.
final class TemporaryFolder {
    private static final Logger LOG = LoggerFactory.getLogger(TemporaryFolder.class);
    private static final String OWNER = "owner-";
    private static final String NEW = ".new";
    private static final String LOCK = ".lock";

    /// How often the name of a lock file may be lost to a process that sweeps just then.
    private static final int MAX_ATTEMPTS = 10;

    /// The lock files of this process. POSIX drops a process's locks on a file as soon as it closes any handle
    /// of it, so they must not be opened a second time. Guarded by itself, which also keeps openings of one
    /// process apart.
    private static final Set<Path> HELD_HERE = new HashSet<>();

    private final Path folder;
    private final AtomicLong nextFile = new AtomicLong();

    /// Keeps the lock: an unreachable channel would be closed.
    @SuppressWarnings("UnusedVariable")
    private final FileChannel lockChannel;

    private TemporaryFolder(Path folder, FileChannel lockChannel) {
        this.folder = folder;
        this.lockChannel = lockChannel;
    }

    /// Makes a folder for this process and removes those of dead ones.
    ///
    /// @param parent created where it is missing; holds nothing but what is listed above
    static TemporaryFolder open(Path parent) throws IOException {
        synchronized (HELD_HERE) {
            Folders.create(parent);
            sweep(parent);
            for (int attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
                try {
                    return openNew(parent);
                } catch (NoSuchFileException e) {
                    LOG.debug("{} was swept before it was locked, attempt {}", e.getFile(), attempt);
                }
            }
            return openNew(parent);
        }
    }

    private static TemporaryFolder openNew(Path parent) throws IOException {
        Path unnamed = Files.createTempFile(parent, OWNER, NEW);
        Path folder = withoutSuffix(unnamed, NEW);
        Path named = folder.resolveSibling(folder.getFileName() + LOCK);
        FileChannel channel = FileChannel.open(unnamed, StandardOpenOption.WRITE);
        try {
            if (tryLock(channel, unnamed) == Ownership.OTHERS) {
                throw new NoSuchFileException(unnamed.toString());
            }
            Files.move(unnamed, named, StandardCopyOption.ATOMIC_MOVE);
            HELD_HERE.add(named);
            Files.createDirectory(folder);
            return new TemporaryFolder(folder, channel);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /// A path for a new file. The folder is there even if somebody removed it.
    Path newFile() throws IOException {
        Files.createDirectories(folder);
        return folder.resolve(Long.toString(nextFile.getAndIncrement()));
    }

    private static void sweep(Path parent) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                if (!name.startsWith(OWNER)) {
                    LOG.warn("left alone what no upload left behind: {}", entry);
                } else if (name.endsWith(LOCK) && !HELD_HERE.contains(entry)) {
                    removeIfDead(entry, withoutSuffix(entry, LOCK));
                } else if (name.endsWith(NEW)) {
                    removeIfDead(entry, withoutSuffix(entry, NEW));
                }
            }
        }
    }

    private static void removeIfDead(Path lockFile, Path folder) {
        try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            if (tryLock(channel, lockFile) == Ownership.OURS) {
                removeTree(folder);
                Files.deleteIfExists(lockFile);
                LOG.info("removed the unfinished uploads of a process that died: {}", folder);
            }
        } catch (NoSuchFileException e) {
            LOG.debug("{} is gone: another process sweeps too", lockFile);
        } catch (IOException e) {
            // Nothing that lies there may prevent a start; the next one tries again.
            LOG.warn("cannot remove the unfinished uploads of a process that died: {}", folder, e);
        }
    }

    private enum Ownership {
        OURS,
        OTHERS,
        UNKNOWN
    }

    /// Tries to lock a file until its channel is closed.
    private static Ownership tryLock(FileChannel channel, Path file) {
        try {
            FileLock lock = channel.tryLock();
            return lock == null ? Ownership.OTHERS : Ownership.OURS;
        } catch (OverlappingFileLockException e) {
            return Ownership.OTHERS; // ours, by another path to the same folder
        } catch (IOException e) {
            LOG.warn("cannot lock {}: unfinished uploads of dead processes will stay", file, e);
            return Ownership.UNKNOWN;
        }
    }

    private static void removeTree(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                Files.deleteIfExists(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static Path withoutSuffix(Path file, String suffix) {
        String name = file.getFileName().toString();
        return file.resolveSibling(name.substring(0, name.length() - suffix.length()));
    }
}
