package io.sluice.persist.store;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/// Opens the object store that a setting names.
public final class ObjectStores {
    private static final String FILE = "file:";

    private ObjectStores() {}

    /// Opens a store.
    ///
    /// @param address `file:DIR`; the folder is created if it is missing, a relative one counts from the
    ///     working folder
    /// @throws IllegalArgumentException if `address` is none that this version supports; says which are
    public static ObjectStore open(String address) throws IOException {
        return LocalObjectStore.open(folder(address));
    }

    private static Path folder(String address) {
        String path = address.startsWith(FILE) ? address.substring(FILE.length()) : "";
        // "file://host/…" is a file of another machine; "file:///…" one of this.
        if (path.isEmpty() || (path.startsWith("//") && !path.startsWith("///"))) {
            throw unsupported(address);
        }
        try {
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("object store '%s': %s".formatted(address, e.getMessage()), e);
        }
    }

    private static IllegalArgumentException unsupported(String address) {
        return new IllegalArgumentException(
                "object store '%s' is not supported: expected file:DIR, such as file:/var/lib/sluice/objects"
                        .formatted(address));
    }
}
