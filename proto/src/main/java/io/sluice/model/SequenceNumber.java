package io.sluice.model;

/// A write's place in the one order of an ingester: log order, apply order, and which of two values of a key wins.
///
/// Writes are numbered densely from 1 under one [IngesterId]. [#NONE] (0) stands before the first write, so that
/// "persisted through" and "stable" have a value before there is one.
public record SequenceNumber(long value) implements Comparable<SequenceNumber> {
    /// Before the first write.
    public static final SequenceNumber NONE = new SequenceNumber(0);

    /// @throws IllegalArgumentException if negative
    public SequenceNumber {
        if (value < 0) {
            throw new IllegalArgumentException("sequence number must not be negative: " + value);
        }
    }

    /// The number after this one.
    public SequenceNumber next() {
        return new SequenceNumber(value + 1);
    }

    /// Whether this write comes after `other`.
    public boolean isAfter(SequenceNumber other) {
        return value > other.value;
    }

    /// The later of two.
    public static SequenceNumber max(SequenceNumber a, SequenceNumber b) {
        return a.value >= b.value ? a : b;
    }

    @Override
    public int compareTo(SequenceNumber other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return Long.toString(value);
    }
}
