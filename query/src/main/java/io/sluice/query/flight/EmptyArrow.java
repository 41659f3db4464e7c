package io.sluice.query.flight;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/// An Arrow IPC stream without rows.
final class EmptyArrow {
    private EmptyArrow() {}

    static void write(Schema schema, OutputStream out) throws IOException {
        try (BufferAllocator allocator = new RootAllocator();
                DictionaryProvider.MapDictionaryProvider dictionaries = new DictionaryProvider.MapDictionaryProvider();
                VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator)) {
            for (Field field : schema.getFields()) {
                if (field.getDictionary() != null) {
                    VarCharVector values = new VarCharVector(field.getName(), allocator);
                    dictionaries.put(new Dictionary(values, field.getDictionary()));
                }
            }
            try (ArrowStreamWriter writer = new ArrowStreamWriter(root, dictionaries, Channels.newChannel(out))) {
                writer.start();
                writer.end();
            }
        }
    }
}
