package io.sluice.query;

import io.sluice.proto.v1.BatchMetadata;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/// The rows of one query, pulled batch by batch by one thread. Holds the rows of one partition at most. Whatever thread
/// closes it, the one that pulls must have stopped.
public interface QueryStream extends AutoCloseable {
    /// Where each batch's rows are put; owned by the stream. Tags are codes into [#dictionaries].
    VectorSchemaRoot root();

    /// The dictionaries of all batches.
    DictionaryProvider dictionaries();

    /// Puts the next batch into [#root]; false if there is none. A partition without matching rows gives one empty
    /// batch.
    boolean next();

    /// What goes with the batch in [#root].
    BatchMetadata metadata();

    /// Releases everything; calls after the first do nothing.
    @Override
    void close();
}
