package io.sluice.query;

import io.sluice.model.ColumnSchema;
import io.sluice.proto.v1.BatchMetadata;
import java.util.List;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/// The rows of one query, pulled batch by batch by one thread. Holds the rows of one partition at most, and of the
/// batches that were taken what they stand on. Whatever thread closes it, the one that pulls must have stopped.
public interface QueryStream extends AutoCloseable {
    /// The columns of each batch.
    List<ColumnSchema> columns();

    /// The schema of the batches, as it stands on the wire: a tag is a string with a dictionary, and its batches have
    /// codes into [#dictionaries]; one with very many values is a plain string.
    Schema schema();

    /// The dictionaries of all batches, by the place of their columns. They live as long as the stream is open.
    DictionaryProvider dictionaries();

    /// Makes the next batch; false if there is none. A partition without matching rows gives one empty batch.
    boolean next();

    /// Whether [#next] would take the rows of another partition.
    boolean opensPartition();

    /// The batch that was made last, once. The caller closes it, which may be later than the stream.
    ///
    /// @throws IllegalStateException if it was taken, or none was made
    OutBatch takeBatch();

    /// How many rows the batch has that was made last.
    int rowCount();

    /// What goes with that batch.
    BatchMetadata metadata();

    /// Releases everything; calls after the first do nothing.
    @Override
    void close();
}
