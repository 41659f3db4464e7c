package io.sluice.persist.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Folders that survive a loss of power. A new file or folder is only there for good once the folder that names
/// it was synced.
public final class Folders {
    private Folders() {}

    /// Creates a folder and those above it where they are missing, and syncs each folder that names a new one.
    public static void create(Path folder) throws IOException {
        Path absolute = folder.toAbsolutePath().normalize();
        if (Files.isDirectory(absolute)) {
            return;
        }
        Path parent = absolute.getParent();
        if (parent != null) {
            create(parent);
        }
        createOne(absolute);
        if (parent != null) {
            sync(parent);
        }
    }

    /// Creates the folders from `root` down to `folder` where they are missing, and syncs all of them but the
    /// last, found or made: one that was found may have been made a moment ago by somebody who has not synced
    /// it yet.
    ///
    /// @param root exists; a prefix of `folder`
    /// @throws FileSystemException if a link or a file stands in the way
    static void createBelow(Path root, Path folder) throws IOException {
        Path parent = root;
        for (Path segment : root.relativize(folder)) {
            if (segment.toString().isEmpty()) {
                return; // folder is root
            }
            Path child = parent.resolve(segment);
            if (!Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
                createOne(child);
            }
            sync(parent);
            parent = child;
        }
    }

    private static void createOne(Path folder) throws IOException {
        try {
            Files.createDirectory(folder);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                var blocked =
                        new FileSystemException(folder + ": expected a folder, found something else of that name");
                blocked.initCause(e);
                throw blocked;
            }
        }
    }

    /// Makes the names in a folder durable (fsync).
    public static void sync(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (FileSystemException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException("cannot sync the folder %s: %s".formatted(folder, e), e);
        }
    }
}
