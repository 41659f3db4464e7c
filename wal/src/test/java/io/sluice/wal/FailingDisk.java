package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// A disk of which one operation fails on cue, once or from then on until it is healed. Each kind of operation is
/// counted by itself: one thread of the log does it, so that the same one fails in every run.
final class FailingDisk extends ForwardingDisk {
    private final Kind kind;
    private final int number;
    private final Effect effect;
    private final boolean isLasting;
    private final Map<Kind, Integer> counts = new EnumMap<>(Kind.class);
    private boolean isHealed;
    private int failures;

    /// What can fail.
    enum Kind {
        ALLOCATE,
        /// A file becomes a segment.
        NAME,
        /// A segment becomes a spare file.
        RECYCLE,
        DELETE,
        OVERWRITE,
        COPY,
        CREATE,
        OPEN,
        SYNC,
        SYNC_FOLDER,
        /// To the open segment.
        WRITE;

        /// What may be done of one that fails.
        List<Effect> effects() {
            return switch (this) {
                case ALLOCATE, OPEN -> List.of(Effect.NOTHING); // leave nothing when they fail: so they promise
                case NAME, RECYCLE, DELETE, SYNC, SYNC_FOLDER -> List.of(Effect.NOTHING, Effect.ALL);
                case OVERWRITE, COPY, CREATE, WRITE -> List.of(Effect.values());
            };
        }
    }

    /// What is done all the same.
    enum Effect {
        NOTHING,
        /// A short write.
        HALF,
        /// As when a sync fails behind it.
        ALL
    }

    @FunctionalInterface
    private interface Operation {
        void run() throws IOException;
    }

    /// @param number the first operation of the kind that fails, counted from 1
    FailingDisk(Disk disk, Kind kind, int number, Effect effect, boolean isLasting) {
        super(disk);
        this.kind = kind;
        this.number = number;
        this.effect = effect;
        this.isLasting = isLasting;
    }

    /// From now on everything succeeds.
    synchronized void heal() {
        isHealed = true;
    }

    /// How many operations failed.
    synchronized int failures() {
        return failures;
    }

    private synchronized boolean fails(Kind which) {
        int count = counts.merge(which, 1, Integer::sum);
        boolean fails = which == kind && !isHealed && (isLasting ? count >= number : count == number);
        if (fails) {
            failures++;
        }
        return fails;
    }

    private void run(Kind which, Operation half, Operation all) throws IOException {
        if (!fails(which)) {
            all.run();
            return;
        }
        switch (effect) {
            case NOTHING -> {}
            case HALF -> half.run();
            case ALL -> all.run();
        }
        throw new IOException("%s %d with %s done (made to fail)".formatted(kind, number, effect));
    }

    private void run(Kind which, Operation all) throws IOException {
        run(which, () -> {}, all);
    }

    @Override
    public void allocate(Path file, long sizeBytes) throws IOException {
        if (fails(Kind.ALLOCATE)) {
            throw new IOException("ALLOCATE %d (made to fail)".formatted(number));
        }
        super.allocate(file, sizeBytes);
    }

    @Override
    public SegmentFile open(Path file) throws IOException {
        if (fails(Kind.OPEN)) {
            throw new IOException("OPEN %d (made to fail)".formatted(number));
        }
        SegmentFile opened = super.open(file);
        return new SegmentFile() {
            @Override
            public void write(ByteBuffer bytes, long position) throws IOException {
                ByteBuffer half = bytes.duplicate().limit(bytes.position() + bytes.remaining() / 2);
                run(Kind.WRITE, () -> opened.write(half, position), () -> opened.write(bytes, position));
            }

            @Override
            public void close() throws IOException {
                opened.close();
            }
        };
    }

    @Override
    public void overwrite(Path file, ByteBuffer bytes, long position) throws IOException {
        ByteBuffer half = bytes.duplicate().limit(bytes.position() + bytes.remaining() / 2);
        run(Kind.OVERWRITE, () -> super.overwrite(file, half, position), () -> super.overwrite(file, bytes, position));
    }

    @Override
    public void copy(Path from, long position, long lengthBytes, Path to) throws IOException {
        run(
                Kind.COPY,
                () -> super.copy(from, position, lengthBytes / 2, to),
                () -> super.copy(from, position, lengthBytes, to));
    }

    @Override
    public void create(Path file, byte[] bytes) throws IOException {
        run(Kind.CREATE, () -> super.create(file, new byte[0]), () -> super.create(file, bytes));
    }

    @Override
    public void sync(Path file) throws IOException {
        run(Kind.SYNC, () -> super.sync(file));
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        run(to.toString().endsWith(".spare") ? Kind.RECYCLE : Kind.NAME, () -> super.rename(from, to));
    }

    @Override
    public void delete(Path file) throws IOException {
        run(Kind.DELETE, () -> super.delete(file));
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        run(Kind.SYNC_FOLDER, () -> super.syncFolder(folder));
    }
}
