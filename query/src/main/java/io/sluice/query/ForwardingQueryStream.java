package io.sluice.query;

import io.sluice.model.ColumnSchema;
import io.sluice.proto.v1.BatchMetadata;
import java.util.List;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/// A stream that is another one, for decorators to change what they are about.
abstract class ForwardingQueryStream implements QueryStream {
    private final QueryStream next;

    ForwardingQueryStream(QueryStream next) {
        this.next = next;
    }

    @Override
    public List<ColumnSchema> columns() {
        return next.columns();
    }

    @Override
    public Schema schema() {
        return next.schema();
    }

    @Override
    public DictionaryProvider dictionaries() {
        return next.dictionaries();
    }

    @Override
    public boolean next() {
        return next.next();
    }

    @Override
    public boolean opensPartition() {
        return next.opensPartition();
    }

    @Override
    public OutBatch takeBatch() {
        return next.takeBatch();
    }

    @Override
    public int rowCount() {
        return next.rowCount();
    }

    @Override
    public BatchMetadata metadata() {
        return next.metadata();
    }

    @Override
    public void close() {
        next.close();
    }
}
