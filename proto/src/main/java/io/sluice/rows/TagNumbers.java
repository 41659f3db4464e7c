package io.sluice.rows;

import java.util.Arrays;
import org.apache.arrow.vector.VarCharVector;

/// What numbers the codes of one chunk's dictionary have in an index: found when they are first asked for, and kept for
/// all who share the chunk. Any thread may call any method.
public final class TagNumbers {
    private final TagIndex index;
    private volatile int[] known = {};

    /// @param index shared with other chunks
    public TagNumbers(TagIndex index) {
        this.index = index;
    }

    public TagIndex index() {
        return index;
    }

    /// For each code the number of its value, or -1 if it has none; perhaps more of them than the dictionary has codes.
    ///
    /// @param dictionary the chunk's, which may be longer than before: codes keep their values
    public int[] of(VarCharVector dictionary) {
        int[] numbers = known;
        int count = dictionary.getValueCount();
        if (numbers.length < count) {
            int code = numbers.length;
            numbers = Arrays.copyOf(numbers, count);
            for (; code < count; code++) {
                numbers[code] = index.number(dictionary.get(code));
            }
            known = numbers; // if others did the same meanwhile, theirs say the same
        }
        return numbers;
    }
}
