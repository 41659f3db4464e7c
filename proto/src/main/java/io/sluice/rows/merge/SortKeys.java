package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.model.SortKey;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.IntBuffer;
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
        Map<ColumnName, TextNumbers> values = new HashMap<>();
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

    private static int sizeOf(Map<ColumnName, TextNumbers> values, ColumnName name) {
        TextNumbers distinct = values.get(name);
        return distinct == null ? 0 : distinct.size();
    }

    private static void addUsed(RowColumn.Tag tag, int rowCount, Map<ColumnName, TextNumbers> values) {
        boolean[] used = new boolean[tag.dictionary().getValueCount()];
        if (!markUsed(tag, rowCount, used)) {
            return;
        }
        TextNumbers distinct = values.computeIfAbsent(tag.schema().name(), _ -> new TextNumbers());
        IntBuffer offsets = Vectors.offsets(tag.dictionary(), used.length);
        byte[] bytes = new byte[offsets.get(used.length)];
        Vectors.texts(tag.dictionary(), bytes.length).get(bytes);
        for (int code = 0; code < used.length; code++) {
            if (used[code]) {
                int start = offsets.get(code);
                int _ = distinct.number(bytes, start, offsets.get(code + 1) - start);
            }
        }
    }

    /// Whether there is one.
    private static boolean markUsed(RowColumn.Tag tag, int rowCount, boolean[] used) {
        int nulls = tag.codes().getNullCount();
        if (nulls == rowCount) {
            return false;
        }
        IntBuffer codes = Vectors.ints(tag.codes(), rowCount);
        for (int row = 0; row < rowCount; row++) {
            if (nulls == 0 || !tag.codes().isNull(row)) {
                used[codes.get(row)] = true;
            }
        }
        return true;
    }
}
