package io.sluice.query;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;

/// Memory of one batch for what it does not send from chunks as it is. Taken in blocks and given away with the batch.
/// For one thread.
final class Scratch implements AutoCloseable {
    /// Below what the C library takes from the system for each block anew.
    private static final long BLOCK_BYTES = 64 << 10;

    private final BufferAllocator allocator;
    private final List<ArrowBuf> blocks = new ArrayList<>();
    private long next;
    private long end;

    Scratch(BufferAllocator allocator) {
        this.allocator = allocator;
    }

    /// Takes memory of any content; returns its address, a multiple of 8.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is none
    long take(long bytes) {
        if (end - next < bytes) {
            ArrowBuf block = allocator.buffer(Math.max(bytes, BLOCK_BYTES));
            blocks.add(block);
            next = block.memoryAddress();
            end = next + block.capacity();
        }
        long address = next;
        next += (bytes + 7) & -8;
        return address;
    }

    /// Hands the memory over to whoever calls what is returned.
    List<Runnable> transfer() {
        List<Runnable> releases = new ArrayList<>(blocks.size());
        blocks.forEach(block -> releases.add(block::close));
        blocks.clear();
        next = 0;
        end = 0;
        return releases;
    }

    @Override
    public void close() {
        blocks.forEach(ArrowBuf::close);
        blocks.clear();
        next = 0;
        end = 0;
    }
}
