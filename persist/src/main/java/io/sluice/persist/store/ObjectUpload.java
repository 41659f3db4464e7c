package io.sluice.persist.store;

import java.io.IOException;
import java.io.OutputStream;

/// An object being written by one thread.
public interface ObjectUpload extends AutoCloseable {
    /// Where the object's bytes go. Closing it is not needed and completes nothing.
    OutputStream out();

    /// Makes the object durable and visible under its name. If an object of the name exists, it is replaced as
    /// a whole. An `IOException` means that the object may be there or not; uploading it again settles that.
    ///
    /// @throws IllegalStateException if the upload was completed or closed before
    ObjectInfo complete() throws IOException;

    /// Gives up, unless completed: what was written is removed. Closing twice is fine.
    @Override
    void close() throws IOException;
}
