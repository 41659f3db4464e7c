package io.sluice.query.flight;

import com.google.flatbuffers.FlatBufferBuilder;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.sluice.query.OutBatch;
import io.sluice.query.Pieces;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.DictionaryBatch;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Schema;

/// Writes the messages of a `DoGet`: protobuf around Arrow's IPC format, whose bodies are pieces of memory that is not
/// touched here. Any thread may call.
///
/// | field of `FlightData` | number | content                               |
/// |-----------------------|--------|---------------------------------------|
/// | `data_header`         | 2      | a `Message` of Arrow's, a flatbuffer  |
/// | `app_metadata`        | 3      | a `sluice.v1.BatchMetadata`           |
/// | `data_body`           | 1000   | the buffers, each padded to 8 bytes   |
final class FrameEncoder {
    /// A message up to this length is copied: to hand over its pieces costs more.
    static final int MAX_COPIED_BYTES = 32 << 10;

    private static final ByteBuffer PADDING = ByteBuffer.allocateDirect(8);

    private FrameEncoder() {}

    /// The schema.
    static Frame schema(Schema schema) {
        ByteBuffer header = MessageSerializer.serializeMetadata(schema, IpcOption.DEFAULT);
        byte[] bytes = new byte[header.remaining()];
        header.get(bytes);
        return new Frame.Copied(FlightData.newBuilder()
                .setDataHeader(com.google.protobuf.ByteString.copyFrom(bytes))
                .build()
                .toByteArray());
    }

    /// A batch of rows, which is taken over whatever happens.
    ///
    /// @param allocator of what stands before the body
    /// @param written hears when a frame that is not copied needs its memory no more; by any thread
    static Frame rows(OutBatch batch, byte[] metadata, BufferAllocator allocator, Runnable written) {
        boolean done = false;
        try {
            FlatBufferBuilder builder = new FlatBufferBuilder(1_024);
            int[] nulls = new int[batch.columnCount()];
            for (int column = 0; column < nulls.length; column++) {
                nulls[column] = batch.nullCount(column);
            }
            int rows = rows(builder, batch.rowCount(), nulls, batch.buffers());
            byte[] header = message(builder, MessageHeader.RecordBatch, rows, batch.buffers());
            Frame frame = frame(header, metadata, batch.buffers(), batch::close, allocator, written);
            done = true;
            return frame;
        } finally {
            if (!done) {
                batch.close();
            }
        }
    }

    /// The values of a tag.
    static Frame dictionary(long id, VarCharVector values, BufferAllocator allocator, Runnable written) {
        int count = values.getValueCount();
        Pieces offsets = new Pieces();
        Pieces text = new Pieces();
        if (count > 0) {
            offsets = Pieces.of(values.getOffsetBuffer().memoryAddress(), (count + 1L) * Integer.BYTES);
            text = Pieces.of(values.getDataBuffer().memoryAddress(), values.getEndOffset(count - 1));
        }
        List<Pieces> body = List.of(new Pieces(), offsets, text);
        FlatBufferBuilder builder = new FlatBufferBuilder(512);
        int rows = rows(builder, count, new int[1], body);
        int dictionary = DictionaryBatch.createDictionaryBatch(builder, id, rows, false);
        byte[] header = message(builder, MessageHeader.DictionaryBatch, dictionary, body);
        ArrowBuf offsetBuffer = values.getOffsetBuffer();
        ArrowBuf textBuffer = values.getDataBuffer();
        offsetBuffer.getReferenceManager().retain();
        textBuffer.getReferenceManager().retain();
        Runnable release = () -> {
            offsetBuffer.getReferenceManager().release();
            textBuffer.getReferenceManager().release();
        };
        boolean done = false;
        try {
            Frame frame = frame(header, new byte[0], body, release, allocator, written);
            done = true;
            return frame;
        } finally {
            if (!done) {
                release.run();
            }
        }
    }

    private static int rows(FlatBufferBuilder builder, int rowCount, int[] nullCounts, List<Pieces> buffers) {
        RecordBatch.startNodesVector(builder, nullCounts.length);
        for (int column = nullCounts.length - 1; column >= 0; column--) {
            FieldNode.createFieldNode(builder, rowCount, nullCounts[column]);
        }
        int nodes = builder.endVector();
        RecordBatch.startBuffersVector(builder, buffers.size());
        long position = bodyBytes(buffers);
        for (int i = buffers.size() - 1; i >= 0; i--) {
            long bytes = buffers.get(i).lengthBytes();
            position -= padded(bytes);
            Buffer.createBuffer(builder, position, bytes);
        }
        int places = builder.endVector();
        RecordBatch.startRecordBatch(builder);
        RecordBatch.addLength(builder, rowCount);
        RecordBatch.addNodes(builder, nodes);
        RecordBatch.addBuffers(builder, places);
        return RecordBatch.endRecordBatch(builder);
    }

    private static byte[] message(FlatBufferBuilder builder, byte type, int header, List<Pieces> buffers) {
        Message.startMessage(builder);
        Message.addHeaderType(builder, type);
        Message.addHeader(builder, header);
        Message.addVersion(builder, MetadataVersion.V5);
        Message.addBodyLength(builder, bodyBytes(buffers));
        builder.finish(Message.endMessage(builder));
        return builder.sizedByteArray();
    }

    private static long padded(long bytes) {
        return (bytes + 7) & -8;
    }

    private static long bodyBytes(List<Pieces> buffers) {
        long bytes = 0;
        for (Pieces buffer : buffers) {
            bytes += padded(buffer.lengthBytes());
        }
        return bytes;
    }

    private static Frame frame(
            byte[] header,
            byte[] metadata,
            List<Pieces> body,
            Runnable release,
            BufferAllocator allocator,
            Runnable written) {
        int bodyBytes = Math.toIntExact(bodyBytes(body));
        int beforeBytes = CodedOutputStream.computeByteArraySize(FlightData.DATA_HEADER_FIELD_NUMBER, header)
                + CodedOutputStream.computeByteArraySize(FlightData.APP_METADATA_FIELD_NUMBER, metadata)
                + CodedOutputStream.computeTagSize(FlightData.DATA_BODY_FIELD_NUMBER)
                + CodedOutputStream.computeUInt32SizeNoTag(bodyBytes);
        if (beforeBytes + bodyBytes <= MAX_COPIED_BYTES) {
            byte[] bytes = new byte[beforeBytes + bodyBytes];
            writeBefore(ByteBuffer.wrap(bytes, 0, beforeBytes), header, metadata, bodyBytes);
            copy(body, bytes, beforeBytes);
            release.run();
            return new Frame.Copied(bytes);
        }
        ArrowBuf before = allocator.buffer(beforeBytes);
        writeBefore(before.nioBuffer(0, beforeBytes), header, metadata, bodyBytes);
        List<ByteBuffer> pieces = new ArrayList<>();
        pieces.add(before.nioBuffer(0, beforeBytes));
        for (Pieces buffer : body) {
            for (int i = 0; i < buffer.count(); i++) {
                pieces.add(MemoryUtil.directBuffer(buffer.address(i), buffer.lengthBytes(i)));
            }
            int padding = (int) (padded(buffer.lengthBytes()) - buffer.lengthBytes());
            if (padding > 0) {
                pieces.add(PADDING.slice(0, padding));
            }
        }
        return new Frame.Referred(FrameBuffer.of(pieces, () -> {
            before.close();
            release.run();
            written.run();
        }));
    }

    private static void writeBefore(ByteBuffer into, byte[] header, byte[] metadata, int bodyBytes) {
        try {
            CodedOutputStream out = CodedOutputStream.newInstance(into);
            out.writeByteArray(FlightData.DATA_HEADER_FIELD_NUMBER, header);
            out.writeByteArray(FlightData.APP_METADATA_FIELD_NUMBER, metadata);
            out.writeTag(FlightData.DATA_BODY_FIELD_NUMBER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
            out.writeUInt32NoTag(bodyBytes);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory of the length that was computed
        }
    }

    private static void copy(List<Pieces> body, byte[] into, int from) {
        int at = from;
        for (Pieces buffer : body) {
            int start = at;
            for (int i = 0; i < buffer.count(); i++) {
                MemoryUtil.directBuffer(buffer.address(i), buffer.lengthBytes(i))
                        .get(into, at, buffer.lengthBytes(i));
                at += buffer.lengthBytes(i);
            }
            at = start + (int) padded(at - start);
        }
    }
}
