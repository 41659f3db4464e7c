package io.sluice.ingester.buffer;

import io.sluice.ingester.door.ByteHash;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/// The different values of a tag, each with a code: the first has 0. Found by their bytes, without an object for each.
/// Values that are many for one place of the table, by chance or because somebody chose them so, go to a map whose time
/// no choice can spoil. For one thread at a time.
final class TagValues {
    private static final int MIN_SLOTS = 16;
    /// How many places are looked at for a value.
    private static final int MAX_PROBES = 16;

    /// Codes plus one, 0 where there is none; a power of two of them, at most half of them taken.
    private int[] slots = new int[MIN_SLOTS];
    /// By code.
    private int[] hashes = new int[MIN_SLOTS / 2];
    /// By code: where its bytes end, and the next one's begin.
    private int[] ends = new int[MIN_SLOTS / 2];

    private byte[] content = {};
    private int size;
    private final Map<String, Integer> crowded = new HashMap<>(0);

    int size() {
        return size;
    }

    /// The code of the value `source[from, from + lengthBytes)`; -1 if it is not there.
    ///
    /// @param hash [io.sluice.ingester.door.ByteHash] of the value
    int find(byte[] source, int from, int lengthBytes, int hash) {
        for (int probe = 0; probe < MAX_PROBES; probe++) {
            int code = slots[slot(hash, probe)] - 1;
            if (code < 0) {
                return -1; // what is crowded met no empty place, and none becomes empty
            }
            if (hashes[code] == hash && isAt(code, source, from, lengthBytes)) {
                return code;
            }
        }
        return crowded.isEmpty() ? -1 : crowded.getOrDefault(text(source, from, lengthBytes), -1);
    }

    /// Adds a value that is not there; returns its code.
    int add(byte[] source, int from, int lengthBytes, int hash) {
        int code = size;
        if (code == ends.length) {
            grow();
        }
        int start = start(code);
        if (start + lengthBytes > content.length) {
            content = Arrays.copyOf(content, Math.max(start + lengthBytes, 2 * content.length));
        }
        System.arraycopy(source, from, content, start, lengthBytes);
        ends[code] = start + lengthBytes;
        hashes[code] = hash;
        place(code);
        size++;
        return code;
    }

    private void grow() {
        slots = new int[2 * slots.length];
        hashes = Arrays.copyOf(hashes, 2 * hashes.length);
        ends = Arrays.copyOf(ends, 2 * ends.length);
        crowded.clear();
        for (int code = 0; code < size; code++) {
            place(code);
        }
    }

    private void place(int code) {
        for (int probe = 0; probe < MAX_PROBES; probe++) {
            int slot = slot(hashes[code], probe);
            if (slots[slot] == 0) {
                slots[slot] = code + 1;
                return;
            }
        }
        crowded.put(text(content, start(code), ends[code] - start(code)), code);
    }

    private int slot(int hash, int probe) {
        return (hash + probe) & (slots.length - 1);
    }

    private int start(int code) {
        return code == 0 ? 0 : ends[code - 1];
    }

    private boolean isAt(int code, byte[] source, int from, int lengthBytes) {
        int start = start(code);
        return ends[code] - start == lengthBytes && ByteHash.isSame(content, start, source, from, lengthBytes);
    }

    private static String text(byte[] source, int from, int lengthBytes) {
        return new String(source, from, lengthBytes, StandardCharsets.ISO_8859_1);
    }
}
