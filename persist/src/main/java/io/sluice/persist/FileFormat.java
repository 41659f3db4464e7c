package io.sluice.persist;

import io.sluice.model.SortKey;
import io.sluice.rows.RowBatch;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadFactory;

/// How rows become a file, as far as a persist job has to know. Any thread may call any method.
interface FileFormat {
    /// Takes threads of its own, if it has use for them.
    default void start(ThreadFactory threadFactory) {}

    /// Lets them end when they have done what they are doing; files can still be made.
    default void stop() {}

    /// The key with those tags of the batches behind it that it lacks; the key itself if it lacks none.
    SortKey extend(SortKey key, List<RowBatch> batches);

    /// Sorts a request's rows and merges those of equal keys. The request stays the caller's, and open until the
    /// result is closed.
    SortedRows sort(PersistRequest request, SortKey key);

    /// How many bytes sorting and encoding take at once, roughly, the request's own included.
    long workingMemoryBytes(PersistRequest request);

    /// Sorted and merged rows. Used by one thread, which closes them.
    interface SortedRows extends AutoCloseable {
        /// Writes the rows as a file. Does not close `out`.
        Encoded encode(OutputStream out) throws IOException;

        @Override
        void close();
    }

    /// What was written.
    ///
    /// @param minTimeNs least timestamp, nanoseconds since the epoch
    /// @param maxTimeNs greatest timestamp, nanoseconds since the epoch
    /// @param merge time spent on bringing values into order and merging them, of all threads together
    /// @param encode time spent on encoding and compressing, of all threads together
    /// @param write time that the stream took
    record Encoded(
            long rowCount,
            long sizeBytes,
            long minTimeNs,
            long maxTimeNs,
            Duration merge,
            Duration encode,
            Duration write) {}
}
