package io.sluice.rows;

import io.sluice.model.ColumnName;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongConsumer;

/// The indexes of the tags of chunks that are read together, such as those of one partition. For one thread at a time.
public final class TagIndexes {
    private final Map<ColumnName, TagIndex> byName = new HashMap<>();
    private final LongConsumer memoryChange;

    /// Indexes of chunks whose lookups nobody accounts.
    public TagIndexes() {
        this(_ -> {});
    }

    /// @param memoryChange hears by how many bytes the memory changes that lookups in the chunks take; quick,
    ///     and called by any thread
    public TagIndexes(LongConsumer memoryChange) {
        this.memoryChange = memoryChange;
    }

    /// The index of a tag.
    public TagIndex of(ColumnName tag) {
        return byName.computeIfAbsent(tag, _ -> new TagIndex(memoryChange));
    }
}
