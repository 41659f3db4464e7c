package io.sluice.wal;

import java.io.IOException;
import java.nio.file.Path;

/// Another process has the log's folder.
public final class WalLockedException extends IOException {
    WalLockedException(Path directory, String owner) {
        super("the log folder %s is in use by %s: one server at a time".formatted(directory, owner));
    }
}
