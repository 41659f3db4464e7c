package io.sluice.ingester.buffer;

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

    long capacityBytes() {
        return memory.capacity();
    }

    @Override
    public void close() {
        memory.close();
    }
}
