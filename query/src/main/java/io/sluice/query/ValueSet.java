package io.sluice.query;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.VarCharVector;

/// Strings that values of dictionaries are looked up in, without an object for each value: by length first, then byte
/// by byte from the end, where names that are alike differ. Immutable.
final class ValueSet implements TagFilter.DictionaryTest {
    /// Of one length, more values than this are looked up by hash.
    private static final int MAX_COMPARED = 8;

    /// By length in bytes.
    private final Map<Integer, List<byte[]>> compared = new HashMap<>();

    private final Set<ByteBuffer> hashed = new HashSet<>();
    private final boolean[] lengths;

    ValueSet(Set<String> values) {
        int longest = 0;
        for (String value : values) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            longest = Math.max(longest, bytes.length);
            compared.computeIfAbsent(bytes.length, _ -> new ArrayList<>()).add(bytes);
        }
        this.lengths = new boolean[longest + 1];
        compared.keySet().forEach(length -> lengths[length] = true);
        compared.values().removeIf(alike -> {
            if (alike.size() <= MAX_COMPARED) {
                return false;
            }
            alike.forEach(value -> hashed.add(ByteBuffer.wrap(value)));
            return true;
        });
    }

    @Override
    public boolean test(VarCharVector dictionary, int code) {
        int start = dictionary.getStartOffset(code);
        int length = dictionary.getEndOffset(code) - start;
        if (length >= lengths.length || !lengths[length]) {
            return false;
        }
        List<byte[]> alike = compared.get(length);
        if (alike == null) {
            return hashed.contains(ByteBuffer.wrap(dictionary.get(code)));
        }
        for (byte[] value : alike) {
            if (equal(dictionary.getDataBuffer(), start, value)) {
                return true;
            }
        }
        return false;
    }

    private static boolean equal(ArrowBuf data, int start, byte[] value) {
        for (int i = value.length - 1; i >= 0; i--) {
            if (data.getByte((long) start + i) != value[i]) {
                return false;
            }
        }
        return true;
    }
}
