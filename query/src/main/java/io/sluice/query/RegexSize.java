package io.sluice.query;

import java.util.ArrayDeque;
import java.util.Deque;

/// How large a regular expression becomes when its counted repetitions are written out, as RE2 does: `(a{1000}){1000}`
/// are twelve characters and a million instructions. Measured before it is compiled, by a scan that knows groups,
/// classes and escapes; what is no valid expression has some size, too.
final class RegexSize {
    /// More than any expression that is refused; sums and products end here.
    private static final long HUGE = 1L << 40;

    private final String regex;
    private final Deque<Long> outer = new ArrayDeque<>();
    /// Of the group being read without its last atom, and of that.
    private long group;

    private long atom;
    private int position;

    private RegexSize(String regex) {
        this.regex = regex;
    }

    /// An upper bound of the characters, classes and operators in the written-out expression.
    static long of(String regex) {
        return new RegexSize(regex).scan();
    }

    private long scan() {
        while (position < regex.length()) {
            char c = regex.charAt(position++);
            switch (c) {
                case '(' -> {
                    outer.push(group + atom);
                    group = 0;
                    atom = 0;
                }
                case ')' -> {
                    long inner = group + atom + 1;
                    group = outer.isEmpty() ? 0 : outer.pop();
                    atom = inner;
                }
                case '[' -> {
                    next();
                    skipClass();
                }
                case '\\' -> escape();
                case '{' -> repeat();
                default -> next();
            }
        }
        long all = group + atom;
        for (long size : outer) {
            all += size;
        }
        return Math.min(all, HUGE);
    }

    private void next() {
        group = Math.min(HUGE, group + atom);
        atom = 1;
    }

    private void escape() {
        next();
        if (position == regex.length()) {
            return;
        }
        char c = regex.charAt(position++);
        if (c == 'Q') {
            // Quoted up to \E: nothing in it repeats, and only its last character is repeated by what comes behind.
            int end = regex.indexOf("\\E", position);
            int length = (end < 0 ? regex.length() : end) - position;
            atom = Math.max(1, length);
            position = end < 0 ? regex.length() : end + 2;
        } else if ((c == 'p' || c == 'P' || c == 'x') && position < regex.length() && regex.charAt(position) == '{') {
            int end = regex.indexOf('}', position);
            position = end < 0 ? regex.length() : end + 1;
        }
    }

    /// Behind the bracket. A closing bracket that comes first is a member; so is what stands between `[:` and `:]`.
    private void skipClass() {
        if (position < regex.length() && regex.charAt(position) == '^') {
            position++;
        }
        boolean first = true;
        while (position < regex.length()) {
            char c = regex.charAt(position++);
            if (c == ']' && !first) {
                return;
            }
            if (c == '\\') {
                position++;
            } else if (c == '[' && position < regex.length() && regex.charAt(position) == ':') {
                int end = regex.indexOf(":]", position + 1);
                position = end < 0 ? position : end + 2;
            }
            first = false;
        }
    }

    /// Behind the brace. What is no count is a character.
    private void repeat() {
        int end = regex.indexOf('}', position);
        String count = end < 0 ? "" : regex.substring(position, end);
        if (!count.matches("\\d{1,9}(,\\d{0,9})?")) {
            next();
            return;
        }
        position = end + 1;
        int comma = count.indexOf(',');
        long times = Long.parseLong(comma < 0 ? count : count.substring(0, comma)) + 1;
        if (comma >= 0 && comma + 1 < count.length()) {
            times = Math.max(times, Long.parseLong(count.substring(comma + 1)));
        }
        // The atom's own size and the limit's are below 2^41 and 10^9: the product fits.
        atom = Math.min(HUGE, atom * Math.min(times, 1 << 20));
    }
}
