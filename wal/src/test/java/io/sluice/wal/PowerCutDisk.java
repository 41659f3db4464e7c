package io.sluice.wal;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/// A disk in memory that loses power: of the write that is under way any subset of 512-byte sectors is kept, and of the
/// changes to names since the last sync of the folder any number of the first ones, as a journal does it. From the
/// cut on everything fails.
final class PowerCutDisk implements Disk {
    private static final int SECTOR_BYTES = 512;

    private final Random random;

    /// What the program sees.
    @GuardedBy("this")
    private final Map<Path, Content> names = new HashMap<>();

    /// What is on disk.
    @GuardedBy("this")
    private final Map<Path, Content> durableNames = new HashMap<>();

    @GuardedBy("this")
    private final Deque<NameChange> unsynced = new ArrayDeque<>();

    @GuardedBy("this")
    private long writesLeft;

    @GuardedBy("this")
    private boolean cut;

    /// Bytes on disk; shared by all names that the file ever has.
    private static final class Content {
        private byte[] bytes = new byte[0];
    }

    private record NameChange(List<Path> gone, Map<Path, Content> added) {}

    /// @param writesBeforeCut how many writes to segments succeed
    PowerCutDisk(Random random, long writesBeforeCut) {
        this.random = random;
        this.writesLeft = writesBeforeCut;
    }

    private synchronized void requirePower() throws IOException {
        if (cut) {
            throw new IOException("power is cut");
        }
    }

    private synchronized Content content(Path file) throws IOException {
        Content content = names.get(file);
        if (content == null) {
            throw new NoSuchFileException(file.toString());
        }
        return content;
    }

    private synchronized void change(List<Path> gone, Map<Path, Content> added) {
        gone.forEach(names::remove);
        names.putAll(added);
        unsynced.addLast(new NameChange(gone, added));
    }

    @Override
    public synchronized void allocate(Path file, long sizeBytes) throws IOException {
        requirePower();
        Content content = new Content();
        content.bytes = new byte[(int) sizeBytes];
        change(List.of(), Map.of(file, content));
    }

    @Override
    public synchronized SegmentFile open(Path file) throws IOException {
        requirePower();
        Content content = content(file);
        return new SegmentFile() {
            @Override
            public void write(ByteBuffer bytes, long position) throws IOException {
                PowerCutDisk.this.write(content, bytes, (int) position);
            }

            @Override
            public void close() {
                // nothing is held
            }
        };
    }

    private synchronized void write(Content content, ByteBuffer bytes, int position) throws IOException {
        requirePower();
        if (bytes.remaining() % BLOCK_BYTES != 0 || position % BLOCK_BYTES != 0) {
            throw new IOException("not whole blocks: %d bytes at %d".formatted(bytes.remaining(), position));
        }
        if (position + bytes.remaining() > content.bytes.length) {
            throw new IOException("behind the end of the file");
        }
        boolean isLast = --writesLeft < 0;
        int at = position;
        while (bytes.hasRemaining()) {
            byte[] sector = new byte[SECTOR_BYTES];
            bytes.get(sector);
            if (!isLast || random.nextBoolean()) {
                System.arraycopy(sector, 0, content.bytes, at, SECTOR_BYTES);
            }
            at += SECTOR_BYTES;
        }
        if (isLast) {
            cut = true;
            throw new IOException("power is cut");
        }
    }

    @Override
    public synchronized void overwrite(Path file, ByteBuffer bytes, long position) throws IOException {
        requirePower();
        bytes.get(content(file).bytes, (int) position, bytes.remaining());
    }

    @Override
    public synchronized void copy(Path from, long position, long lengthBytes, Path to) throws IOException {
        requirePower();
        Content copy = new Content();
        copy.bytes = Arrays.copyOfRange(content(from).bytes, (int) position, (int) (position + lengthBytes));
        change(List.of(), Map.of(to, copy));
    }

    @Override
    public synchronized void create(Path file, byte[] bytes) throws IOException {
        requirePower();
        Content made = new Content();
        made.bytes = bytes.clone();
        change(List.of(), Map.of(file, made));
    }

    @Override
    public void sync(Path file) {
        // every write that returns is on disk
    }

    @Override
    public synchronized void rename(Path from, Path to) throws IOException {
        requirePower();
        change(List.of(from), Map.of(to, content(from)));
    }

    @Override
    public synchronized void delete(Path file) throws IOException {
        requirePower();
        change(List.of(file), Map.of());
    }

    @Override
    public synchronized void syncFolder(Path folder) throws IOException {
        requirePower();
        while (!unsynced.isEmpty()) {
            apply(unsynced.removeFirst());
        }
    }

    private synchronized void apply(NameChange change) {
        change.gone().forEach(durableNames::remove);
        durableNames.putAll(change.added());
    }

    /// What a machine finds that is started again, as real files.
    synchronized void materialize(Path folder) throws IOException {
        cut = true;
        int kept = random.nextInt(unsynced.size() + 1);
        for (int i = 0; i < kept; i++) {
            apply(unsynced.removeFirst());
        }
        Files.createDirectories(folder);
        for (Map.Entry<Path, Content> file : new TreeMap<>(durableNames).entrySet()) {
            Files.write(folder.resolve(file.getKey().getFileName()), file.getValue().bytes);
        }
    }
}
