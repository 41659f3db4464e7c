package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.model.SortKey;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What sorting and merging have to do, as plainly as can be: rows are maps as in [Batches].
public final class MergeModel {
    private MergeModel() {}

    /// The rows of all batches in key order, each key once.
    public static List<Map<String, Object>> merge(SortKey sortKey, List<List<Map<String, Object>>> batches) {
        Map<List<Optional<Object>>, Map<String, Object>> byKey = new LinkedHashMap<>();
        for (List<Map<String, Object>> batch : batches) {
            for (Map<String, Object> row : batch) {
                // Later values replace earlier ones; a null is absent and replaces nothing.
                byKey.computeIfAbsent(key(sortKey, row), _ -> new HashMap<>()).putAll(row);
            }
        }
        List<Map<String, Object>> rows = new ArrayList<>(byKey.values());
        rows.sort(order(sortKey));
        return rows;
    }

    /// Null tags first, then by the bytes of their UTF-8; rows of equal tags by time.
    public static Comparator<Map<String, Object>> order(SortKey sortKey) {
        Comparator<Map<String, Object>> order = (_, _) -> 0;
        for (ColumnName tag : sortKey.tags()) {
            order = order.thenComparing(
                    row -> Optional.ofNullable(row.get(tag.value())).map(MergeModel::bytes),
                    Comparator.comparing(
                            value -> value.orElse(new byte[0]), // told apart from an empty value below
                            Arrays::compareUnsigned));
            order = order.thenComparing(row -> row.containsKey(tag.value()));
        }
        return order.thenComparing(row -> (Long) row.getOrDefault("time", 0L));
    }

    private static byte[] bytes(Object value) {
        return ((String) value).getBytes(StandardCharsets.UTF_8);
    }

    private static List<Optional<Object>> key(SortKey sortKey, Map<String, Object> row) {
        List<Optional<Object>> key = new ArrayList<>();
        for (ColumnName tag : sortKey.tags()) {
            key.add(Optional.ofNullable(row.get(tag.value())));
        }
        key.add(Optional.ofNullable(row.get("time")));
        return key;
    }
}
