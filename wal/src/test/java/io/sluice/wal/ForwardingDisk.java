package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/// A disk that does what another does, for those that differ in one thing.
class ForwardingDisk implements Disk {
    private final Disk disk;

    ForwardingDisk(Disk disk) {
        this.disk = disk;
    }

    @Override
    public void allocate(Path file, long sizeBytes) throws IOException {
        disk.allocate(file, sizeBytes);
    }

    @Override
    public SegmentFile open(Path file) throws IOException {
        return disk.open(file);
    }

    @Override
    public void overwrite(Path file, ByteBuffer bytes, long position) throws IOException {
        disk.overwrite(file, bytes, position);
    }

    @Override
    public void copy(Path from, long position, long lengthBytes, Path to) throws IOException {
        disk.copy(from, position, lengthBytes, to);
    }

    @Override
    public void create(Path file, byte[] bytes) throws IOException {
        disk.create(file, bytes);
    }

    @Override
    public void sync(Path file) throws IOException {
        disk.sync(file);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        disk.rename(from, to);
    }

    @Override
    public void delete(Path file) throws IOException {
        disk.delete(file);
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        disk.syncFolder(folder);
    }
}
