package io.sluice.persist.store;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;

/// An object on its way into a folder: a temporary file that is renamed when it is whole and on disk.
final class LocalUpload implements ObjectUpload {
    /// A Parquet writer hands over pages; this is for the small pieces between them.
    private static final int BUFFER_BYTES = 64 << 10;

    private final String name;
    private final Path root;
    private final Path target;
    private final Path folder;
    private final Path temporary;
    private final FileChannel channel;
    private final OutputStream out;
    private boolean ended;

    LocalUpload(String name, Path root, Path target, Path temporary) throws IOException {
        this.name = name;
        this.root = root;
        this.target = target;
        this.folder = Objects.requireNonNull(target.getParent(), "an object lies in a folder");
        this.temporary = temporary;
        this.channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        this.out = new BufferedOutputStream(new FileStream(), BUFFER_BYTES);
    }

    @Override
    public OutputStream out() {
        return out;
    }

    @Override
    public ObjectInfo complete() throws IOException {
        if (ended) {
            throw new IllegalStateException("upload of '%s' has ended".formatted(name));
        }
        try {
            finishFile();
            Folders.createBelow(root, folder);
            var attributes = Files.readAttributes(temporary, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            ended = true;
            Folders.sync(folder);
            return new ObjectInfo(
                    name, attributes.size(), attributes.lastModifiedTime().toInstant());
        } catch (IOException e) {
            throw new IOException("cannot complete object '%s' as %s: %s".formatted(name, target, e), e);
        }
    }

    private void finishFile() throws IOException {
        out.flush();
        channel.force(true);
        channel.close();
    }

    @Override
    public void close() throws IOException {
        if (ended) {
            return;
        }
        ended = true;
        try {
            channel.close();
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /// The temporary file, whose errors name it: those of a full disk do not.
    private final class FileStream extends OutputStream {
        private final OutputStream file = Channels.newOutputStream(channel);

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                file.write(bytes, offset, length);
            } catch (IOException e) {
                throw new IOException("cannot write object '%s' to %s: %s".formatted(name, temporary, e), e);
            }
        }
    }
}
