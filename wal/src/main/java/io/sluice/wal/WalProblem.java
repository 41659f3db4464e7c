package io.sluice.wal;

import java.nio.file.Path;

/// Something in a log's folder that is not as it should be.
///
/// @param file where
/// @param position byte offset in the file
/// @param lengthBytes how many bytes it concerns
/// @param detail what was expected and what was found
public record WalProblem(Kind kind, Path file, long position, long lengthBytes, String detail) {
    /// What it means.
    public enum Kind {
        /// The end of the log was not written in full: no entry that was acknowledged is concerned.
        TORN_TAIL,
        /// Bytes between entries, or a whole segment, cannot be read: entries may be missing.
        CORRUPT,
        /// Entries are missing between one segment and the next.
        GAP,
        /// A segment that is shorter than a header: its creation was cut short.
        EMPTY,
        /// The header is damaged; entries may be found all the same.
        HEADER,
        /// A segment of another log, or of a copy of this one that was written to as well.
        OTHER_LOG,
        /// A file that is none of the log's.
        FOREIGN
    }

    /// One line for people.
    public String describe() {
        return "%s: %s at position %d, %d bytes: %s".formatted(file, kind, position, lengthBytes, detail);
    }
}
