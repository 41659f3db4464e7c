package io.sluice.rows;

import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.arrow.vector.VarCharVector;
import org.jspecify.annotations.Nullable;

/// What numbers the codes of one chunk's dictionary have in an index, and in which rows they stand: found when they are
/// first asked for, and kept for all who share the chunk. Any thread may call any method.
public final class TagNumbers {
    /// A query asks twice; what one query alone asks is not worth to be kept.
    private static final int MIN_ASKED = 2;

    private final TagIndex index;
    private volatile Known known = new Known(new int[0], true, true);
    private final AtomicReference<@Nullable TagPostings> postings = new AtomicReference<>();
    /// Whether the chunk has all of its rows.
    private volatile boolean isSettled;
    /// How often somebody asked where values stand, as long as that is not known; a guess if several ask at once.
    private volatile int asked;

    /// @param areAll whether each code has a number
    /// @param areSame whether each code is its number
    private record Known(int[] numbers, boolean areAll, boolean areSame) {}

    /// Of a chunk that has all of its rows.
    ///
    /// @param index shared with other chunks
    public TagNumbers(TagIndex index) {
        this(index, true);
    }

    private TagNumbers(TagIndex index, boolean isSettled) {
        this.index = index;
        this.isSettled = isSettled;
    }

    /// Of a chunk that grows, until [#settle].
    ///
    /// @param index shared with other chunks
    public static TagNumbers growing(TagIndex index) {
        return new TagNumbers(index, false);
    }

    /// The chunk has all of its rows from now on.
    public void settle() {
        isSettled = true;
    }

    public TagIndex index() {
        return index;
    }

    /// For each code the number of its value, or -1 if it has none; perhaps more of them than the dictionary has codes.
    ///
    /// @param dictionary the chunk's, which may be longer than before: codes keep their values
    public int[] of(VarCharVector dictionary) {
        return known(dictionary).numbers();
    }

    /// Whether [#of] has the numbers at hand, and hashes nothing.
    public boolean areKnown(VarCharVector dictionary) {
        return known.numbers().length >= dictionary.getValueCount();
    }

    private Known known(VarCharVector dictionary) {
        Known now = known;
        int count = dictionary.getValueCount();
        if (now.numbers().length < count) {
            int code = now.numbers().length;
            int[] numbers = Arrays.copyOf(now.numbers(), count);
            boolean areAll = now.areAll();
            boolean areSame = now.areSame();
            for (; code < count; code++) {
                numbers[code] = index.number(dictionary.get(code));
                areAll &= numbers[code] >= 0;
                areSame &= numbers[code] == code;
            }
            now = new Known(numbers, areAll, areSame);
            known = now; // if others did the same meanwhile, theirs says the same
        }
        return now;
    }

    /// Whether each code of the dictionary has a number.
    public boolean areAll(VarCharVector dictionary) {
        return known(dictionary).areAll();
    }

    /// Whether each code of the dictionary is its number.
    public boolean areSame(VarCharVector dictionary) {
        return known(dictionary).areSame();
    }

    /// In which rows the values stand. Empty if that is not known and not worth to be found out: the chunk still grows,
    /// a value has no number, or hardly anybody has asked. What is found out is kept, and accounted by the index.
    ///
    /// @param hasNulls whether a row has no value
    public Optional<TagPostings> postings(RowColumn.Tag tag, boolean hasNulls) {
        int rowCount = tag.codes().getValueCount();
        TagPostings found = postings.get();
        if (found != null && found.rowCount() >= rowCount) {
            return Optional.of(found);
        }
        int times = asked;
        if (times < MIN_ASKED) {
            asked = times + 1;
            return Optional.empty();
        }
        Known now = known(tag.dictionary());
        if (!isSettled || !now.areAll()) {
            return Optional.empty();
        }
        TagPostings made =
                TagPostings.of(tag.codes(), now.numbers(), tag.dictionary().getValueCount(), hasNulls);
        index.account(made.memoryBytes());
        drop(postings.getAndSet(made));
        return Optional.of(made);
    }

    /// Forgets in which rows the values stand. To be called when the chunk is let go of.
    public void drop() {
        drop(postings.getAndSet(null));
    }

    private void drop(@Nullable TagPostings old) {
        if (old != null) {
            index.account(-old.memoryBytes());
        }
    }
}
