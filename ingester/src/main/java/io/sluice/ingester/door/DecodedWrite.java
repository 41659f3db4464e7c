package io.sluice.ingester.door;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.util.List;

/// A write as columns, valid in itself: what is left to check needs the catalog. Its buffers are views of the request's
/// bytes.
public record DecodedWrite(NamespaceName namespace, List<DecodedTable> tables) {
    public DecodedWrite {
        tables = List.copyOf(tables);
    }

    /// Rows for one table.
    ///
    /// @param rowCount at least 1
    /// @param columns each name once, `time` among them; each holds `rowCount` values
    public record DecodedTable(TableName table, int rowCount, List<DecodedColumn> columns) {
        public DecodedTable {
            columns = List.copyOf(columns);
        }
    }

    /// Rows of all tables.
    public long rowCount() {
        return tables.stream().mapToLong(DecodedTable::rowCount).sum();
    }
}
