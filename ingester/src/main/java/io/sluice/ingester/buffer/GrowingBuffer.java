package io.sluice.ingester.buffer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;

/// Arrow memory that is appended to and never changed where it was written: who took a reference keeps what it saw,
/// even when the buffer has moved to a larger place since. Not thread-safe by itself.
final class GrowingBuffer implements AutoCloseable {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long MIN_BYTES = 64;

    private final BufferAllocator allocator;
    private ArrowBuf memory;

    /// Takes no memory yet, so that it cannot fail.
    GrowingBuffer(BufferAllocator allocator) {
        this.allocator = allocator;
        this.memory = allocator.getEmpty();
    }

    /// Makes room: afterwards `[0, capacityBytes)` can be written; what was never written reads as zero. If there is no
    /// memory, nothing changes.
    void ensure(long capacityBytes) {
        if (capacityBytes > memory.capacity()) {
            long filledBytes = memory.capacity();
            ArrowBuf larger = allocator.buffer(Math.max(MIN_BYTES, Math.max(capacityBytes, 2 * filledBytes)));
            larger.setBytes(0, memory, 0, filledBytes);
            larger.setZero(filledBytes, larger.capacity() - filledBytes);
            memory.close();
            memory = larger;
        }
    }

    /// For reading and for writing what was not written before. Valid until the next [#ensure].
    ArrowBuf memory() {
        return memory;
    }

    /// Writes `source[from, from + lengthBytes)`.
    void write(long at, byte[] source, int from, int lengthBytes) {
        if (lengthBytes == Long.BYTES) {
            memory.setLong(at, (long) LONG.get(source, from));
        } else {
            memory.setBytes(at, source, from, lengthBytes);
        }
    }

    /// Sets bits `[from, to)`.
    void setBits(int from, int to) {
        int bit = from;
        while (bit < to) {
            int inByte = bit & 7;
            int count = Math.min(8 - inByte, to - bit);
            int mask = ((1 << count) - 1) << inByte;
            memory.setByte(bit >> 3, memory.getByte(bit >> 3) | mask);
            bit += count;
        }
    }

    long capacityBytes() {
        return memory.capacity();
    }

    @Override
    public void close() {
        memory.close();
    }
}
