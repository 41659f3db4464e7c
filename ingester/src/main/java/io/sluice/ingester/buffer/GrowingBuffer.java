package io.sluice.ingester.buffer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;

/// Arrow memory that is appended to and never changed where it was written: who took a reference keeps what it saw,
/// even when the buffer has moved to a larger place since. Not thread-safe by itself.
///
/// Memory is touched when something is written there, not when it is taken: pages that are new to the process cost more
/// than what is written to them, and whoever takes them all at once keeps readers waiting.
final class GrowingBuffer implements AutoCloseable {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long MIN_BYTES = 64;

    private final BufferAllocator allocator;
    private ArrowBuf memory;
    /// What lies behind was never written, and may be anything.
    private long definedBytes;

    /// Takes no memory yet, so that it cannot fail.
    GrowingBuffer(BufferAllocator allocator) {
        this.allocator = allocator;
        this.memory = allocator.getEmpty();
    }

    /// Makes room: afterwards `[0, capacityBytes)` can be written. If there is no memory, nothing changes.
    void ensure(long capacityBytes) {
        if (capacityBytes > memory.capacity()) {
            ArrowBuf larger = allocator.buffer(Math.max(MIN_BYTES, Math.max(capacityBytes, 2 * memory.capacity())));
            larger.setBytes(0, memory, 0, definedBytes);
            memory.close();
            memory = larger;
        }
    }

    /// Makes room, all of which is zero where nothing was written.
    void ensureZero(long capacityBytes) {
        ensure(capacityBytes);
        define(memory.capacity());
    }

    /// Writes zeros to what was not written before and lies before an end.
    void define(long endBytes) {
        if (endBytes > definedBytes) {
            memory.setZero(definedBytes, endBytes - definedBytes);
            definedBytes = endBytes;
        }
    }

    /// For reading what was written. Valid until the next [#ensure].
    ArrowBuf memory() {
        return memory;
    }

    /// For writing all of `[at, at + lengthBytes)`, which was not written before; what lies before it and was not
    /// written, either, is zero. Valid until the next [#ensure].
    ArrowBuf memory(long at, long lengthBytes) {
        define(at);
        definedBytes = Math.max(definedBytes, at + lengthBytes);
        return memory;
    }

    /// Writes `source[from, from + lengthBytes)`, where nothing was written before.
    void write(long at, byte[] source, int from, int lengthBytes) {
        define(at);
        definedBytes = Math.max(definedBytes, at + lengthBytes);
        if (lengthBytes == Long.BYTES) {
            memory.setLong(at, (long) LONG.get(source, from));
        } else {
            memory.setBytes(at, source, from, lengthBytes);
        }
    }

    /// Sets bits `[from, to)` where [#ensureZero] has made room.
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
