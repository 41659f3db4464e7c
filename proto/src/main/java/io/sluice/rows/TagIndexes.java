package io.sluice.rows;

import io.sluice.model.ColumnName;
import java.util.HashMap;
import java.util.Map;

/// The indexes of the tags of chunks that are read together, such as those of one partition. For one thread at a time.
public final class TagIndexes {
    private final Map<ColumnName, TagIndex> byName = new HashMap<>();

    /// The index of a tag.
    public TagIndex of(ColumnName tag) {
        return byName.computeIfAbsent(tag, _ -> new TagIndex());
    }
}
