package io.sluice.persist.store;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.function.Consumer;

/// Objects as files below a folder, each at the path that is its name. Several processes may share the folder.
///
/// An upload is a file in `.tmp` until it is complete: then it is synced, renamed to its name, and the folders
/// that name it are synced. What is left of uploads whose process died is removed when a store is opened. Links
/// below the folder are not followed, and what lies there and is no regular file, or has no valid name, is no
/// object.
public final class LocalObjectStore implements ObjectStore {
    private static final String TEMPORARY = ".tmp";

    private final Path root;
    private final TemporaryFolder temporary;

    private LocalObjectStore(Path root, TemporaryFolder temporary) {
        this.root = root;
        this.temporary = temporary;
    }

    /// Opens the store in a folder, which is created if it is missing. Nothing has to be closed.
    public static LocalObjectStore open(Path folder) throws IOException {
        Folders.create(folder);
        Path root = folder.toRealPath();
        return new LocalObjectStore(root, TemporaryFolder.open(root.resolve(TEMPORARY)));
    }

    @Override
    public ObjectUpload upload(String name) throws IOException {
        Path target = resolve(name);
        return new LocalUpload(name, root, target, temporary.newFile());
    }

    @Override
    public InputStream open(String name) throws IOException {
        Path file = resolve(name);
        if (findAttributes(file).isEmpty()) {
            throw new NoSuchFileException(file.toString());
        }
        return Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS);
    }

    @Override
    public Optional<ObjectInfo> find(String name) throws IOException {
        return findAttributes(resolve(name)).map(attributes -> info(name, attributes));
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException {
        String folderName = prefix.substring(0, Math.max(0, prefix.lastIndexOf('/')));
        if (!folderName.isEmpty() && !ObjectNames.isName(folderName)) {
            return; // no name begins like this
        }
        Path folder = root.resolve(folderName);
        if (isReachable(folder) && Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            Files.walkFileTree(folder, new ObjectVisitor(prefix, consumer));
        }
    }

    @Override
    public void delete(String name) throws IOException {
        Path file = resolve(name);
        if (findAttributes(file).isPresent()) {
            Files.deleteIfExists(file);
        }
    }

    @Override
    public String describe() {
        return "file:" + root;
    }

    private Path resolve(String name) {
        return root.resolve(ObjectNames.check(name));
    }

    private Optional<BasicFileAttributes> findAttributes(Path file) throws IOException {
        if (!isReachable(file)) {
            return Optional.empty();
        }
        try {
            var attributes = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return Optional.of(attributes).filter(BasicFileAttributes::isRegularFile);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /// Whether all folders between the root and a file are folders, and no links.
    private boolean isReachable(Path file) {
        for (Path above = file.getParent(); above != null && !above.equals(root) && above.startsWith(root); ) {
            if (!Files.isDirectory(above, LinkOption.NOFOLLOW_LINKS)) {
                return false;
            }
            above = above.getParent();
        }
        return true;
    }

    private static ObjectInfo info(String name, BasicFileAttributes attributes) {
        return new ObjectInfo(
                name, attributes.size(), attributes.lastModifiedTime().toInstant());
    }

    /// Walks the files without following links, and does not mind those that disappear meanwhile.
    private final class ObjectVisitor extends SimpleFileVisitor<Path> {
        private final String prefix;
        private final Consumer<ObjectInfo> consumer;

        private ObjectVisitor(String prefix, Consumer<ObjectInfo> consumer) {
            this.prefix = prefix;
            this.consumer = consumer;
        }

        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            if (folder.equals(root)) {
                return FileVisitResult.CONTINUE;
            }
            String name = nameOf(folder);
            boolean mayHold = ObjectNames.isName(name) && (name.startsWith(prefix) || prefix.startsWith(name));
            return mayHold ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            String name = nameOf(file);
            if (attributes.isRegularFile() && name.startsWith(prefix) && ObjectNames.isName(name)) {
                consumer.accept(info(name, attributes));
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
            if (failure instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw failure;
        }

        private String nameOf(Path path) {
            return root.relativize(path).toString();
        }
    }
}
