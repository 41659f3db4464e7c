package io.sluice.ingester.disk;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/// Disks that are as full as a test says, and by the length of one real file fuller than that.
final class FakeDisk implements DiskSpace {
    private final Map<Path, String> names = new HashMap<>();
    private final Map<String, Long> sizes = new HashMap<>();
    private final Map<String, Long> used = new HashMap<>();
    private final Path counted;
    private boolean isAway;

    /// @param counted lies on the disk of its folder
    FakeDisk(Path counted) {
        this.counted = counted;
    }

    void put(Path folder, String disk, long sizeBytes) {
        names.put(folder, disk);
        sizes.put(disk, sizeBytes);
        used.putIfAbsent(disk, 0L);
    }

    void use(String disk, long bytes) {
        used.put(disk, bytes);
    }

    void setAway(boolean away) {
        isAway = away;
    }

    @Override
    public Space of(Path folder) throws IOException {
        if (isAway) {
            throw new IOException("the disk does not answer");
        }
        String disk = names.getOrDefault(folder, "");
        boolean isCounted = disk.equals(names.get(counted.getParent())) && Files.exists(counted);
        long taken = used.getOrDefault(disk, 0L) + (isCounted ? Files.size(counted) : 0);
        return new Space(disk, taken, Math.max(0, sizes.getOrDefault(disk, 0L) - taken));
    }
}
