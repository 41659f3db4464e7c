package io.sluice.persist.store;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.InstantSource;

/// Opens the object store that a setting names.
public final class ObjectStores {
    private static final String FILE = "file:";
    private static final String MEMORY = "memory:";

    private ObjectStores() {}

    /// Opens a store in this process's memory or on its disk.
    ///
    /// @param address `file:DIR`: the folder is created if it is missing, a relative one counts from the
    ///     working folder; or `memory:`, for tests: empty, and gone with the process
    /// @throws IllegalArgumentException if `address` is none of these; says which are
    public static ObjectStore open(String address) throws IOException {
        return address.equals(MEMORY)
                ? new InMemoryObjectStore(InstantSource.system())
                : LocalObjectStore.open(folder(address));
    }

    /// Opens a store, which the caller closes. One on S3 is asked whether it can be used.
    ///
    /// @throws IllegalArgumentException if its address is none that this version supports; says which are
    /// @throws IOException if it cannot be used; says why in one line
    public static ObjectStore open(ObjectStoreSettings settings, StoreContext context) throws IOException {
        return settings.isS3() ? S3ObjectStore.open(settings, context) : open(settings.address());
    }

    /// Checks an address without opening anything.
    ///
    /// @throws IllegalArgumentException saying what is wrong
    public static void check(String address) {
        if (address.startsWith(S3Address.SCHEME)) {
            var _ = S3Address.parse(address);
        } else {
            var _ = folder(address);
        }
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
                "object store '%s' is not supported: expected file:DIR or s3://BUCKET/PREFIX, such as file:/var/lib/sluice/objects"
                        .formatted(address));
    }
}
