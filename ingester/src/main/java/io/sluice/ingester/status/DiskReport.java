package io.sluice.ingester.status;

import io.sluice.ingester.disk.DiskGuard;
import java.util.List;
import java.util.TreeMap;

/// The disks that are watched, as `/status` tells them.
///
/// @param high from which on writes are refused
/// @param low below which they are taken again
/// @param reserveBytes of the file that is let go of when the log's disk is full; 0 if it was
public record DiskReport(String high, String low, long reserveBytes, List<Watched> watched) {
    public DiskReport {
        watched = List.copyOf(watched);
    }

    /// One of them.
    ///
    /// @param of what is on it: `log`, `objects`, `catalog`
    /// @param freeBytes what this process may still take
    public record Watched(String of, long usedBytes, long freeBytes, boolean full) {}

    /// What the guard saw when it looked last.
    public static DiskReport of(DiskGuard.Stats stats) {
        return new DiskReport(
                stats.settings().high().toString(),
                stats.settings().low().toString(),
                stats.reserveBytes(),
                new TreeMap<>(stats.spaces())
                        .entrySet().stream()
                                .map(entry -> new Watched(
                                        entry.getKey(),
                                        entry.getValue().usedBytes(),
                                        entry.getValue().freeBytes(),
                                        stats.full().contains(entry.getKey())))
                                .toList());
    }
}
