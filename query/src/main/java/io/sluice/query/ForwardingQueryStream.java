package io.sluice.query;

import io.sluice.proto.v1.BatchMetadata;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/// A stream that is another one, for decorators to change what they are about.
abstract class ForwardingQueryStream implements QueryStream {
    private final QueryStream next;

    ForwardingQueryStream(QueryStream next) {
        this.next = next;
    }

    @Override
    public VectorSchemaRoot root() {
        return next.root();
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
    public BatchMetadata metadata() {
        return next.metadata();
    }

    @Override
    public void close() {
        next.close();
    }
}
