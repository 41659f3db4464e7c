package io.sluice.query;

import com.google.re2j.Pattern;
import io.sluice.model.ColumnName;
import java.util.Set;

/// A condition on a tag. A null tag has no value; it fulfils a condition only if that is negated.
public sealed interface TagPredicate {
    /// The tag.
    ColumnName column();

    /// Whether it holds where the plain condition does not.
    boolean isNegated();

    /// The tag has one of some values.
    record OneOf(ColumnName column, boolean isNegated, Set<String> values) implements TagPredicate {
        /// @throws IllegalArgumentException if there are no values
        public OneOf {
            values = Set.copyOf(values);
            if (values.isEmpty()) {
                throw new IllegalArgumentException(
                        "predicate on '%s' has no values: expected at least one".formatted(column));
            }
        }
    }

    /// A regular expression is found somewhere in the tag's value. RE2: its time is linear in the value's length,
    /// whatever the expression.
    record Matching(ColumnName column, boolean isNegated, Pattern pattern) implements TagPredicate {
        /// Characters of an expression.
        public static final int MAX_CHARS = 1_000;

        /// Characters, classes and operators of an expression when its counted repetitions are written out. A step
        /// for each of them and each byte of a value is the most that a match costs.
        public static final int MAX_SIZE = 2_000;

        /// Compiles an expression.
        ///
        /// @throws IllegalArgumentException if it is not one that RE2 knows, or too large
        public static Matching of(ColumnName column, boolean isNegated, String regex) {
            if (regex.length() > MAX_CHARS) {
                throw new IllegalArgumentException(
                        "regular expression of predicate on '%s' has %d characters: expected at most %d"
                                .formatted(column, regex.length(), MAX_CHARS));
            }
            long size = RegexSize.of(regex);
            if (size > MAX_SIZE) {
                throw new IllegalArgumentException(
                        "regular expression '%s' of predicate on '%s' has size %d with its repetitions written out: expected at most %d"
                                .formatted(regex, column, size, MAX_SIZE));
            }
            try {
                return new Matching(column, isNegated, Pattern.compile(regex));
            } catch (RuntimeException e) {
                throw new IllegalArgumentException(
                        "regular expression '%s' of predicate on '%s': expected RE2 syntax, found: %s"
                                .formatted(regex, column, e.getMessage()),
                        e);
            }
        }
    }
}
