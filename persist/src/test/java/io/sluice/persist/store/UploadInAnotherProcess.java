package io.sluice.persist.store;

import java.nio.file.Path;

/// A process that begins an upload, says so, and completes it when it is told to.
final class UploadInAnotherProcess {
    private UploadInAnotherProcess() {}

    /// Prints `begun`, waits for a byte, and prints `completed`.
    ///
    /// @param arguments the store's folder and the object's name
    @SuppressWarnings("SystemOut") // it is how the process reports
    public static void main(String[] arguments) throws Exception {
        var store = LocalObjectStore.open(Path.of(arguments[0]));
        try (ObjectUpload upload = store.upload(arguments[1])) {
            upload.out().write(new byte[1 << 20]);
            System.out.println("begun");
            if (System.in.read() >= 0) {
                upload.complete();
                System.out.println("completed");
            }
        }
    }
}
