package io.sluice.query;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/// A batch as who receives it has it: its pieces put together and loaded by Arrow.
record LoadedBatch(VectorSchemaRoot rows) implements AutoCloseable {
    /// Takes the batch that a stream made last.
    static LoadedBatch of(QueryStream stream, BufferAllocator allocator) {
        VectorSchemaRoot root = VectorSchemaRoot.create(memory(stream.schema()), allocator);
        List<ArrowBuf> buffers = new ArrayList<>();
        try (OutBatch batch = stream.takeBatch()) {
            for (Pieces pieces : batch.buffers()) {
                buffers.add(join(pieces, allocator));
            }
            List<ArrowFieldNode> nodes = new ArrayList<>();
            for (int column = 0; column < batch.columnCount(); column++) {
                nodes.add(new ArrowFieldNode(batch.rowCount(), batch.nullCount(column)));
            }
            try (ArrowRecordBatch loaded = new ArrowRecordBatch(batch.rowCount(), nodes, buffers)) {
                new VectorLoader(root).load(loaded);
            }
        } finally {
            buffers.forEach(ArrowBuf::close);
        }
        return new LoadedBatch(root);
    }

    /// Where the values of a column stand in its dictionary, the batch has codes.
    private static Schema memory(Schema sent) {
        return new Schema(sent.getFields().stream()
                .map(field -> field.getDictionary() == null
                        ? field
                        : new Field(
                                field.getName(),
                                new FieldType(true, field.getDictionary().getIndexType(), field.getDictionary()),
                                null))
                .toList());
    }

    private static ArrowBuf join(Pieces pieces, BufferAllocator allocator) {
        ArrowBuf buffer = allocator.buffer(pieces.lengthBytes());
        for (int i = 0; i < pieces.count(); i++) {
            MemoryUtil.copyMemory(
                    pieces.address(i), buffer.memoryAddress() + buffer.writerIndex(), pieces.lengthBytes(i));
            buffer.writerIndex(buffer.writerIndex() + pieces.lengthBytes(i));
        }
        return buffer;
    }

    /// Each row as a map of its values that are not null.
    List<Map<String, Object>> toMaps(DictionaryProvider dictionaries) {
        List<Map<String, Object>> maps = new ArrayList<>();
        for (int row = 0; row < rows.getRowCount(); row++) {
            Map<String, Object> values = new HashMap<>();
            for (FieldVector vector : rows.getFieldVectors()) {
                if (!vector.isNull(row)) {
                    values.put(vector.getName(), value(dictionaries, vector, row));
                }
            }
            maps.add(values);
        }
        return maps;
    }

    private static Object value(DictionaryProvider dictionaries, FieldVector vector, int row) {
        return switch (vector) {
            case IntVector codes ->
                dictionaries
                        .lookup(Objects.requireNonNull(vector.getField().getDictionary())
                                .getId())
                        .getVector()
                        .getObject(codes.get(row))
                        .toString();
            case TimeStampNanoTZVector times -> times.get(row);
            case BigIntVector integers -> integers.get(row);
            case UInt8Vector integers -> new BigInteger(Long.toUnsignedString(integers.get(row)));
            case Float8Vector floats -> floats.get(row);
            case BitVector bits -> bits.get(row) != 0;
            default -> vector.getObject(row).toString();
        };
    }

    @Override
    public void close() {
        rows.close();
    }
}
