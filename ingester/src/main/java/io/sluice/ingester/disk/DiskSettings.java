package io.sluice.ingester.disk;

import io.sluice.ingester.disk.DiskMark.Free;
import io.sluice.ingester.disk.DiskMark.Used;

/// When a disk is full, and when it is not any more; can be changed while the server runs.
///
/// @param high from here on writes are refused
/// @param low below it they are taken again; of the same kind as `high`, and less full
/// @param reserveBytes of the file that is let go of when the log's disk is full; 0: there is none
public record DiskSettings(DiskMark high, DiskMark low, long reserveBytes) {
    /// @throws IllegalArgumentException if the marks are of two kinds, or in the wrong order; the message
    ///     names the settings
    public DiskSettings {
        boolean isInOrder = switch (high) {
            case Used(double percent) -> low instanceof Used(double lower) && lower < percent;
            case Free(long bytes) -> low instanceof Free(long more) && more > bytes;
        };
        if (!isInOrder) {
            throw new IllegalArgumentException(
                    "--disk-high is %s and --disk-low %s: expected both as percent used, the second less, or both as"
                                    .formatted(high, low)
                            + " bytes free, the second more");
        }
        if (reserveBytes < 0) {
            throw new IllegalArgumentException("reserveBytes must not be negative: " + reserveBytes);
        }
    }
}
