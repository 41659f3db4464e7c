package io.sluice.ingester.disk;

import io.sluice.ingester.disk.DiskSpace.Space;
import java.util.function.ToLongFunction;

/// How full a disk may be: a share of it that is used, or bytes that are left.
public sealed interface DiskMark {
    /// Whether the disk is at least as full.
    boolean isReached(Space space);

    /// So much of it is used.
    ///
    /// @param percent more than 0, less than 100
    record Used(double percent) implements DiskMark {
        public Used {
            if (!(percent > 0 && percent < 100)) {
                throw new IllegalArgumentException("percent used must be between 0 and 100: " + percent);
            }
        }

        @Override
        public boolean isReached(Space space) {
            return space.usedShare() * 100 >= percent;
        }

        @Override
        public String toString() {
            return percent == Math.rint(percent) ? "%d%%".formatted((long) percent) : percent + "%";
        }
    }

    /// So many bytes are left.
    ///
    /// @param bytes positive
    record Free(long bytes) implements DiskMark {
        public Free {
            if (bytes < 1) {
                throw new IllegalArgumentException("bytes free must be positive: " + bytes);
            }
        }

        @Override
        public boolean isReached(Space space) {
            return space.freeBytes() <= bytes;
        }

        @Override
        public String toString() {
            return bytes + " bytes free";
        }
    }

    /// Reads `90%` (used) or a size such as `2GiB` (free).
    ///
    /// @param size reads a size, or throws [IllegalArgumentException]
    static DiskMark parse(String text, ToLongFunction<String> size) {
        String stripped = text.strip();
        return stripped.endsWith("%")
                ? new Used(Double.parseDouble(
                        stripped.substring(0, stripped.length() - 1).strip()))
                : new Free(size.applyAsLong(stripped));
    }
}
