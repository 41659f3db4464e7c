package io.sluice.ingester.grpc;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.sluice.proto.v1.WriteStreamRequest;
import java.io.IOException;
import java.util.Arrays;

/// A `sluice.v1.WriteStreamRequest`, of which the inner request is not parsed: its bytes are logged as they are.
///
/// @param clientSequence unsigned; 0 if absent
/// @param request the bytes of the `sluice.v1.WriteRequest`; none if absent
record StreamedMessage(long clientSequence, byte[] request) {
    private static final int SEQUENCE_TAG = WriteStreamRequest.CLIENT_SEQUENCE_FIELD_NUMBER << 3;
    private static final int WRITE_TAG = WriteStreamRequest.WRITE_FIELD_NUMBER << 3 | 2;
    private static final byte[] NONE = {};

    /// @throws InvalidProtocolBufferException if the bytes are no such message
    static StreamedMessage parse(byte[] message) throws InvalidProtocolBufferException {
        CodedInputStream in = CodedInputStream.newInstance(message);
        long sequence = 0;
        byte[] request = NONE;
        try {
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                if (tag == SEQUENCE_TAG) {
                    sequence = in.readUInt64();
                } else if (tag == WRITE_TAG) {
                    // A message that comes in parts is its parts one behind the other; nearly always there is one.
                    request = join(request, in.readByteArray());
                } else if (!in.skipField(tag)) {
                    throw new InvalidProtocolBufferException("a group ends that did not begin");
                }
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            throw new IllegalStateException(e); // an array has no errors of its own
        }
        return new StreamedMessage(sequence, request);
    }

    private static byte[] join(byte[] first, byte[] second) {
        if (first.length == 0) {
            return second;
        }
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
