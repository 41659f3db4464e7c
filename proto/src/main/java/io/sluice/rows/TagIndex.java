package io.sluice.rows;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;

/// Numbers for the distinct values of a tag, the same in all chunks that share the index: so chunks whose dictionaries
/// differ are compared and united by numbers, and each value is hashed once and not in every query. Only grows, up to
/// [#MAX_VALUES]. Any thread may call any method.
public final class TagIndex {
    /// Values above that get no number: an index is not accounted as memory of rows.
    public static final int MAX_VALUES = 1 << 16;

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<ByteBuffer, Integer> numbers = new HashMap<>();

    private final LongConsumer memoryChange;

    /// Written under the lock, a value before its number is handed out.
    private volatile byte[][] values = new byte[16][];

    private volatile int size;

    /// An index whose chunks' lookups nobody accounts.
    TagIndex() {
        this(_ -> {});
    }

    /// @param memoryChange hears by how many bytes the memory changes that lookups in its chunks take
    TagIndex(LongConsumer memoryChange) {
        this.memoryChange = memoryChange;
    }

    void account(long bytes) {
        memoryChange.accept(bytes);
    }

    /// The number of a value; -1 if it has none yet.
    public int find(byte[] value) {
        lock.lock();
        try {
            return numbers.getOrDefault(ByteBuffer.wrap(value), -1);
        } finally {
            lock.unlock();
        }
    }

    /// The number of a value, from 0 without gaps; -1 if there are too many values already.
    int number(byte[] value) {
        ByteBuffer key = ByteBuffer.wrap(value);
        lock.lock();
        try {
            Integer known = numbers.get(key);
            if (known != null) {
                return known;
            }
            int number = numbers.size();
            if (number == MAX_VALUES) {
                return -1;
            }
            byte[][] place = values;
            if (number == place.length) {
                place = Arrays.copyOf(place, 2 * number);
            }
            place[number] = value;
            values = place;
            size = number + 1;
            numbers.put(key, number);
            return number;
        } finally {
            lock.unlock();
        }
    }

    /// How many values have numbers.
    public int size() {
        return size;
    }

    /// The UTF-8 bytes of a value, not to be changed.
    public byte[] value(int number) {
        return values[number];
    }
}
