package io.sluice.ingester.buffer;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;

/// Arrow memory that is appended to and never changed where it was written: who took a reference keeps what it saw,
/// even when the buffer has moved to a larger place since. Not thread-safe by itself.
final class GrowingBuffer implements AutoCloseable {
    private static final long MIN_BYTES = 64;

    private final BufferAllocator allocator;
    private ArrowBuf memory;

    /// Takes no memory yet, so that it cannot fail.
    GrowingBuffer(BufferAllocator allocator) {
        this.allocator = allocator;
        this.memory = allocator.getEmpty();
    }

    private ArrowBuf zeroed(long capacityBytes) {
        ArrowBuf buffer = allocator.buffer(capacityBytes);
        buffer.setZero(0, buffer.capacity());
        return buffer;
    }

    /// Makes room: afterwards `[0, capacityBytes)` can be written; what was never written reads as zero. If there is no
    /// memory, nothing changes.
    void ensure(long capacityBytes) {
        if (capacityBytes > memory.capacity()) {
            ArrowBuf larger = zeroed(Math.max(MIN_BYTES, Math.max(capacityBytes, 2 * memory.capacity())));
            larger.setBytes(0, memory, 0, memory.capacity());
            memory.close();
            memory = larger;
        }
    }

    /// For reading and for writing what was not written before. Valid until the next [#ensure].
    ArrowBuf memory() {
        return memory;
    }

    /// Writes bytes of a buffer that may lie on the heap and be read-only.
    @SuppressWarnings("restricted") // the address and length are those of the memory itself
    void write(long at, ByteBuffer source, int from, int lengthBytes) {
        if (lengthBytes == Long.BYTES) {
            memory.setLong(at, source.getLong(from));
        } else if (lengthBytes > 0) {
            // Arrow would copy a read-only one a word at a time.
            MemorySegment target =
                    MemorySegment.ofAddress(memory.memoryAddress()).reinterpret(memory.capacity());
            MemorySegment.copy(MemorySegment.ofBuffer(source.duplicate().rewind()), from, target, at, lengthBytes);
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
