package io.sluice.query.flight;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.AbstractReferenceCountedByteBuf;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/// A message to be sent from pieces of memory that lie where they are. The memory is let go of when the transport has
/// written the last of it, or when [#detach] takes a copy of what is not written yet.
///
/// What the transport takes off the front ([#readRetainedSlice]) is a buffer of its own over the same pieces. So what
/// is left here nobody else looks at, until it is looked at as memory for the network; from then on it stays where it
/// is. The indices belong to the transport's thread, as with any buffer of Netty's.
final class FrameBuffer extends AbstractReferenceCountedByteBuf {
    private static final ByteBuffer[] NONE = {};

    private final ReentrantLock lock = new ReentrantLock();
    private final int lengthBytes;

    @GuardedBy("lock")
    private ByteBuffer[] pieces;

    /// Where each piece begins.
    @GuardedBy("lock")
    private int[] starts;

    @GuardedBy("lock")
    private Memory memory;

    /// Whether somebody may have the addresses of what is here.
    @GuardedBy("lock")
    private boolean isExposed;

    /// How much was taken off the front, so that it need not be copied.
    @GuardedBy("lock")
    private int takenBytes;

    /// Memory that several buffers stand on.
    private static final class Memory {
        private final AtomicInteger holders = new AtomicInteger(1);
        private final Runnable release;

        Memory(Runnable release) {
            this.release = release;
        }

        Memory hold() {
            holders.incrementAndGet();
            return this;
        }

        void letGo() {
            if (holders.decrementAndGet() == 0) {
                release.run();
            }
        }
    }

    private FrameBuffer(ByteBuffer[] pieces, int lengthBytes, Memory memory) {
        super(lengthBytes);
        this.pieces = pieces;
        this.lengthBytes = lengthBytes;
        this.memory = memory;
        this.starts = starts(pieces);
        setIndex(0, lengthBytes);
    }

    /// A buffer over pieces of direct memory.
    ///
    /// @param release lets go of it; called once, by any thread
    /// @throws ArithmeticException if it is more than fits into a message
    static FrameBuffer of(List<ByteBuffer> pieces, Runnable release) {
        int lengthBytes = 0;
        for (ByteBuffer piece : pieces) {
            lengthBytes = Math.addExact(lengthBytes, piece.remaining());
        }
        return new FrameBuffer(pieces.toArray(ByteBuffer[]::new), lengthBytes, new Memory(release));
    }

    private static int[] starts(ByteBuffer[] pieces) {
        int[] starts = new int[pieces.length];
        int start = 0;
        for (int i = 0; i < pieces.length; i++) {
            starts[i] = start;
            start += pieces[i].remaining();
        }
        return starts;
    }

    /// Copies what is not written yet, and lets go of the memory; does nothing where the network may be reading it
    /// already, as it then writes it soon or ends the connection. Any thread may call.
    void detach() {
        lock.lock();
        try {
            if (isExposed || pieces.length == 0 || takenBytes == lengthBytes) {
                return;
            }
            int left = lengthBytes - takenBytes;
            ByteBuffer copy = ByteBuffer.allocateDirect(left);
            for (ByteBuffer piece : cut(takenBytes, left)) {
                copy.put(piece);
            }
            copy.flip();
            // Nobody asks again for what was taken: its place stands for nothing.
            pieces = new ByteBuffer[] {copy};
            starts = new int[] {takenBytes};
            memory.letGo();
            memory = new Memory(() -> {});
        } finally {
            lock.unlock();
        }
    }

    /// The pieces of a range, with positions of their own.
    @GuardedBy("lock")
    private ByteBuffer[] cut(int index, int length) {
        if (length == 0) {
            return NONE;
        }
        List<ByteBuffer> cut = new ArrayList<>();
        int found = Arrays.binarySearch(starts, index);
        int at = index;
        int end = index + length;
        for (int i = found >= 0 ? found : -found - 2; at < end; i++) {
            ByteBuffer piece = pieces[i];
            int from = at - starts[i];
            int count = Math.min(piece.remaining() - from, end - at);
            cut.add(piece.slice(piece.position() + from, count));
            at += count;
        }
        return cut.toArray(ByteBuffer[]::new);
    }

    private ByteBuffer[] expose(int index, int length) {
        checkIndex(index, length);
        lock.lock();
        try {
            isExposed = true;
            return cut(index, length);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public ByteBuf readRetainedSlice(int length) {
        checkReadableBytes(length);
        lock.lock();
        try {
            FrameBuffer slice = new FrameBuffer(cut(readerIndex(), length), length, memory.hold());
            slice.lock.lock();
            try {
                slice.isExposed = true;
            } finally {
                slice.lock.unlock();
            }
            readerIndex(readerIndex() + length);
            takenBytes = readerIndex();
            return slice;
        } finally {
            lock.unlock();
        }
    }

    @Override
    protected void deallocate() {
        lock.lock();
        try {
            pieces = NONE;
            starts = new int[0];
            memory.letGo();
        } finally {
            lock.unlock();
        }
    }

    // How the transport looks at it.

    @Override
    public int nioBufferCount() {
        lock.lock();
        try {
            isExposed = true;
            return Math.max(1, pieces.length);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public ByteBuffer[] nioBuffers(int index, int length) {
        ByteBuffer[] cut = expose(index, length);
        return cut.length == 0 ? new ByteBuffer[] {ByteBuffer.allocate(0)} : cut;
    }

    @Override
    public ByteBuffer nioBuffer(int index, int length) {
        ByteBuffer[] cut = expose(index, length);
        if (cut.length == 1) {
            return cut[0];
        }
        ByteBuffer copy = ByteBuffer.allocate(length);
        for (ByteBuffer piece : cut) {
            copy.put(piece);
        }
        return copy.flip();
    }

    @Override
    public ByteBuffer internalNioBuffer(int index, int length) {
        return nioBuffer(index, length);
    }

    @Override
    public ByteBuf copy(int index, int length) {
        ByteBuf copy = alloc().directBuffer(length);
        for (ByteBuffer piece : expose(index, length)) {
            copy.writeBytes(piece);
        }
        return copy;
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuf target, int targetIndex, int length) {
        int at = targetIndex;
        for (ByteBuffer piece : expose(index, length)) {
            int count = piece.remaining();
            target.setBytes(at, piece);
            at += count;
        }
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, byte[] target, int targetIndex, int length) {
        int at = targetIndex;
        for (ByteBuffer piece : expose(index, length)) {
            int count = piece.remaining();
            piece.get(target, at, count);
            at += count;
        }
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuffer target) {
        for (ByteBuffer piece : expose(index, target.remaining())) {
            target.put(piece);
        }
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, OutputStream out, int length) throws IOException {
        var channel = Channels.newChannel(out);
        for (ByteBuffer piece : expose(index, length)) {
            channel.write(piece);
        }
        return this;
    }

    @Override
    public int getBytes(int index, GatheringByteChannel out, int length) throws IOException {
        return Math.toIntExact(out.write(expose(index, length)));
    }

    @Override
    public int getBytes(int index, FileChannel out, long position, int length) throws IOException {
        int written = 0;
        for (ByteBuffer piece : expose(index, length)) {
            written += out.write(piece, position + written);
        }
        return written;
    }

    @Override
    protected byte _getByte(int index) {
        ByteBuffer piece = expose(index, 1)[0];
        return piece.get(piece.position());
    }

    /// Up to 8 bytes as a number, the first of them the highest.
    private long number(int index, int bytes) {
        long number = 0;
        for (int i = 0; i < bytes; i++) {
            number = (number << 8) | (_getByte(index + i) & 0xff);
        }
        return number;
    }

    @Override
    protected short _getShort(int index) {
        return (short) number(index, Short.BYTES);
    }

    @Override
    protected short _getShortLE(int index) {
        return Short.reverseBytes(_getShort(index));
    }

    @Override
    protected int _getUnsignedMedium(int index) {
        return (int) number(index, 3);
    }

    @Override
    protected int _getUnsignedMediumLE(int index) {
        return Integer.reverseBytes(_getUnsignedMedium(index) << 8);
    }

    @Override
    protected int _getInt(int index) {
        return (int) number(index, Integer.BYTES);
    }

    @Override
    protected int _getIntLE(int index) {
        return Integer.reverseBytes(_getInt(index));
    }

    @Override
    protected long _getLong(int index) {
        return number(index, Long.BYTES);
    }

    @Override
    protected long _getLongLE(int index) {
        return Long.reverseBytes(_getLong(index));
    }

    // What it is.

    @Override
    public int capacity() {
        return lengthBytes;
    }

    @Override
    public ByteBuf capacity(int newCapacity) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public ByteBufAllocator alloc() {
        return UnpooledByteBufAllocator.DEFAULT;
    }

    @Override
    @SuppressWarnings("deprecation") // Netty asks for it
    public ByteOrder order() {
        return ByteOrder.BIG_ENDIAN;
    }

    @Override
    public @org.jspecify.annotations.Nullable ByteBuf unwrap() {
        return null;
    }

    @Override
    public boolean isDirect() {
        return true;
    }

    @Override
    public boolean isReadOnly() {
        return true;
    }

    @Override
    public boolean hasArray() {
        return false;
    }

    @Override
    public byte[] array() {
        throw new ReadOnlyBufferException();
    }

    @Override
    public int arrayOffset() {
        throw new ReadOnlyBufferException();
    }

    @Override
    public boolean hasMemoryAddress() {
        return false;
    }

    @Override
    public long memoryAddress() {
        throw new ReadOnlyBufferException();
    }

    // What it does not do.

    @Override
    protected void _setByte(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setShort(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setShortLE(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setMedium(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setMediumLE(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setInt(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setIntLE(int index, int value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setLong(int index, long value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    protected void _setLongLE(int index, long value) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public ByteBuf setBytes(int index, ByteBuf source, int sourceIndex, int length) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public ByteBuf setBytes(int index, byte[] source, int sourceIndex, int length) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public ByteBuf setBytes(int index, ByteBuffer source) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public int setBytes(int index, InputStream in, int length) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public int setBytes(int index, ScatteringByteChannel in, int length) {
        throw new ReadOnlyBufferException();
    }

    @Override
    public int setBytes(int index, FileChannel in, long position, int length) {
        throw new ReadOnlyBufferException();
    }
}
