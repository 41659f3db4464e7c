package io.sluice.rows.merge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;

/// The memory of Arrow's vectors as buffers of the JDK, which are checked once and not at each value. They are valid as
/// long as the vectors are.
final class Vectors {
    private Vectors() {}

    /// The first `rows` values of a vector of 64 bits each.
    static LongBuffer longs(FieldVector vector, int rows) {
        return view(vector.getDataBuffer(), (long) rows * Long.BYTES).asLongBuffer();
    }

    /// The first `rows` codes.
    static IntBuffer ints(IntVector vector, int rows) {
        return view(vector.getDataBuffer(), (long) rows * Integer.BYTES).asIntBuffer();
    }

    /// Where each of the first `rows` texts begins, and where the last one ends.
    static IntBuffer offsets(VarCharVector vector, int rows) {
        return view(vector.getOffsetBuffer(), (rows + 1L) * Integer.BYTES).asIntBuffer();
    }

    /// The bytes of texts.
    ///
    /// @param bytes how many
    static ByteBuffer texts(VarCharVector vector, int bytes) {
        return view(vector.getDataBuffer(), bytes);
    }

    /// Bits of the first `rows` values of a vector of bits.
    static ByteBuffer bits(FieldVector vector, int rows) {
        return view(vector.getDataBuffer(), (rows + 7L) / 8);
    }

    /// Bits that tell of the first `rows` values which are there.
    static ByteBuffer validity(FieldVector vector, int rows) {
        return view(vector.getValidityBuffer(), (rows + 7L) / 8);
    }

    /// A bit, 0 or 1.
    static int bit(ByteBuffer bits, int place) {
        return bits.get(place >>> 3) >>> (place & 7) & 1;
    }

    private static ByteBuffer view(ArrowBuf memory, long bytes) {
        return memory.nioBuffer(0, Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }
}
