package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.model.SortKey;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Decides by which tags a table's files are sorted.
public final class SortKeys {
    private SortKeys() {}

    /// The key with those tags behind it that have a value in the rows and are not in it, those with fewer distinct
    /// values first and then by name; the key itself if there are none. A column of few values in front makes long
    /// runs, which compress.
    public static SortKey extend(SortKey key, List<RowBatch> batches) {
        Set<ColumnName> known = new HashSet<>(key.tags());
        Map<ColumnName, Set<ByteBuffer>> values = new HashMap<>();
        for (RowBatch batch : batches) {
            for (RowColumn column : batch.columns()) {
                if (column instanceof RowColumn.Tag tag
                        && !known.contains(tag.schema().name())) {
                    addUsed(tag, batch.rowCount(), values);
                }
            }
        }
        if (values.isEmpty()) {
            return key;
        }
        List<ColumnName> added = values.keySet().stream()
                .sorted(Comparator.<ColumnName>comparingInt(name -> sizeOf(values, name))
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
        List<ColumnName> tags = new ArrayList<>(key.tags());
        tags.addAll(added);
        return new SortKey(tags);
    }

    private static int sizeOf(Map<ColumnName, Set<ByteBuffer>> values, ColumnName name) {
        return values.getOrDefault(name, Set.of()).size();
    }

    private static void addUsed(RowColumn.Tag tag, int rowCount, Map<ColumnName, Set<ByteBuffer>> values) {
        boolean[] used = new boolean[tag.dictionary().getValueCount()];
        boolean any = false;
        for (int row = 0; row < rowCount; row++) {
            if (!tag.codes().isNull(row)) {
                used[tag.codes().get(row)] = true;
                any = true;
            }
        }
        if (!any) {
            return;
        }
        Set<ByteBuffer> distinct = values.computeIfAbsent(tag.schema().name(), _ -> new HashSet<>());
        for (int code = 0; code < used.length; code++) {
            if (used[code]) {
                distinct.add(ByteBuffer.wrap(tag.dictionary().get(code)));
            }
        }
    }
}
