package io.sluice.model;

import java.util.HashSet;
import java.util.List;

/// The tags by which a table's files are sorted, before `time`; agreed on in the catalog. It is only ever
/// extended, never reordered, so every file's order is that of the key at the time without the columns the file
/// lacks.
public record SortKey(List<ColumnName> tags) {
    /// No tags: sorted by time alone.
    public static final SortKey EMPTY = new SortKey(List.of());

    /// @throws IllegalArgumentException if a tag stands twice
    public SortKey {
        tags = List.copyOf(tags);
        if (new HashSet<>(tags).size() != tags.size()) {
            throw new IllegalArgumentException("sort key names a tag twice: " + tags);
        }
    }

    /// Whether this key is `other` with nothing or something behind it.
    public boolean extendsOrEquals(SortKey other) {
        return tags.size() >= other.tags.size()
                && tags.subList(0, other.tags.size()).equals(other.tags);
    }
}
