package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.ByteHash;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// Numbers distinct byte strings 0, 1, 2 … in the order in which they are added: an open-addressing table with linear
/// probing. The strings added last can be removed again. One thread.
///
/// The hash is keyed, so that nobody who does not know the seed can make strings that collide.
final class ByteInterner {
    static final int NOT_FOUND = -1;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int FIRST_SLOTS = 8;
    private static final long ODD_1 = 0x9E37_79B9_7F4A_7C15L; // fractional part of the golden ratio
    private static final long ODD_2 = 0xD1B5_4A32_D192_ED03L; // from the R2 sequence

    private final long seed;
    private final Buffers buffers;
    private final Bytes content;
    private int[] slots; // id + 1; 0 = free
    private int slotCount; // a power of two
    private int[] hashes; // of each id
    private int[] ends; // of each id, in content
    private int size;

    /// @param buffers leave their arrays to it for as long as it is used
    ByteInterner(long seed, Buffers buffers) {
        this.seed = seed;
        this.buffers = buffers;
        this.content = new Bytes(buffers);
        this.slotCount = FIRST_SLOTS;
        this.slots = freeSlots();
        this.hashes = buffers.ints(FIRST_SLOTS / 2);
        this.ends = buffers.ints(FIRST_SLOTS / 2);
    }

    private int[] freeSlots() {
        int[] free = buffers.ints(slotCount);
        Arrays.fill(free, 0, slotCount, 0);
        return free;
    }

    /// How many strings there are.
    int size() {
        return size;
    }

    /// The strings, one behind the other in the order of their numbers.
    byte[] content() {
        return content.array();
    }

    /// Where a string begins in [#content()].
    int start(int id) {
        return id == 0 ? 0 : ends[id - 1];
    }

    /// Where a string ends in [#content()].
    int end(int id) {
        return ends[id];
    }

    /// The hash that a string was added with.
    int hashOf(int id) {
        return hashes[id];
    }

    /// The hash of `bytes[from, from + lengthBytes)`, to be passed to [#find] and [#add].
    int hash(byte[] bytes, int from, int lengthBytes) {
        long hash = seed ^ lengthBytes * ODD_1;
        int at = from;
        int left = lengthBytes;
        for (; left > Long.BYTES; at += Long.BYTES, left -= Long.BYTES) {
            hash = mix(hash ^ (long) LONG.get(bytes, at), ODD_2);
        }
        long last;
        if (lengthBytes >= Long.BYTES) {
            last = (long) LONG.get(bytes, from + lengthBytes - Long.BYTES);
        } else if (lengthBytes >= Integer.BYTES) {
            last = ((int) INT.get(bytes, from) & 0xFFFF_FFFFL) << 32
                    | ((int) INT.get(bytes, from + lengthBytes - Integer.BYTES) & 0xFFFF_FFFFL);
        } else if (lengthBytes > 0) {
            last = (bytes[from] & 0xFFL) << 16
                    | (bytes[from + (lengthBytes >> 1)] & 0xFFL) << 8
                    | (bytes[from + lengthBytes - 1] & 0xFFL);
        } else {
            last = 0;
        }
        long mixed = mix(hash ^ last, seed | 1);
        return (int) (mixed ^ mixed >>> 32);
    }

    /// The number of a string, or [#NOT_FOUND].
    int find(int hash, byte[] bytes, int from, int lengthBytes) {
        int mask = slotCount - 1;
        for (int slot = hash & mask; ; slot = (slot + 1) & mask) {
            int id = slots[slot] - 1;
            if (id < 0) {
                return NOT_FOUND;
            }
            if (hashes[id] == hash && isAt(id, bytes, from, lengthBytes)) {
                return id;
            }
        }
    }

    /// Whether the string of this number is `bytes[from, from + lengthBytes)`.
    boolean isAt(int id, byte[] bytes, int from, int lengthBytes) {
        int start = start(id);
        return ends[id] - start == lengthBytes && ByteHash.isSame(content.array(), start, bytes, from, lengthBytes);
    }

    /// Adds a string that is not there, and answers its number.
    int add(int hash, byte[] bytes, int from, int lengthBytes) {
        if (size == slotCount >> 1) {
            slotCount <<= 1;
            hashes = copy(hashes);
            ends = copy(ends);
            slots = freeSlots();
            for (int id = 0; id < size; id++) {
                slots[freeSlot(hashes[id])] = id + 1;
            }
        }
        content.append(bytes, from, lengthBytes);
        hashes[size] = hash;
        ends[size] = content.lengthBytes();
        slots[freeSlot(hash)] = size + 1;
        return size++;
    }

    private int[] copy(int[] ids) {
        int[] longer = buffers.ints(slotCount >> 1);
        System.arraycopy(ids, 0, longer, 0, size);
        return longer;
    }

    /// Removes the strings of number `newSize` and above.
    void truncate(int newSize) {
        // Last in, first out: no string was placed behind the slot of a later one, so that freeing it breaks no chain.
        while (size > newSize) {
            size--;
            int mask = slotCount - 1;
            int slot = hashes[size] & mask;
            while (slots[slot] != size + 1) {
                slot = (slot + 1) & mask;
            }
            slots[slot] = 0;
            content.resize(start(size));
        }
    }

    private int freeSlot(int hash) {
        int mask = slotCount - 1;
        int slot = hash & mask;
        while (slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private static long mix(long a, long b) {
        return a * b ^ Math.unsignedMultiplyHigh(a, b);
    }
}
