package io.sluice.persist.parquet;

import io.sluice.model.ColumnName;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableName;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/// Where the rows of a file come from, as its key-value metadata tells.
public record FileMetadata(
        IngesterId ingester,
        SequenceNumber minSequence,
        SequenceNumber maxSequence,
        NamespaceName namespace,
        TableName table,
        PartitionKey partition,
        SortKey sortKey,
        Instant createdAt) {
    /// The version of these entries and of how columns are mapped to Parquet.
    static final int SCHEMA_VERSION = 1;

    /// The entries of the footer. The sort key is a JSON array, as names may hold any character.
    Map<String, String> entries() {
        Map<String, String> entries = new LinkedHashMap<>();
        entries.put("sluice.schema_version", Integer.toString(SCHEMA_VERSION));
        entries.put("sluice.ingester", ingester.toString());
        entries.put("sluice.min_sequence", minSequence.toString());
        entries.put("sluice.max_sequence", maxSequence.toString());
        entries.put("sluice.namespace", namespace.value());
        entries.put("sluice.table", table.value());
        entries.put("sluice.partition", partition.value());
        entries.put("sluice.sort_key", sortKeyJson());
        entries.put("sluice.created_at", createdAt.toString());
        return entries;
    }

    private String sortKeyJson() {
        return sortKey.tags().stream()
                .map(ColumnName::value)
                .map(name -> '"' + name.replace("\\", "\\\\").replace("\"", "\\\"") + '"')
                .collect(Collectors.joining(",", "[", "]"));
    }
}
