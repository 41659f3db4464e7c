package io.sluice.wal;

import java.io.IOException;
import java.nio.file.Path;

/// A segment was written by a newer version of Sluice.
public final class WalVersionException extends IOException {
    WalVersionException(Path file, int found, int supported) {
        super("segment %s has format version %d: this version reads up to %d; start the newer version"
                .formatted(file, found, supported));
    }
}
