package io.sluice.ingester.door;

import java.util.ArrayList;
import java.util.List;

/// A `WriteRequest` message as it was found, unchecked.
final class RawWrite {
    RawColumn.Text namespace = RawColumn.Text.EMPTY;
    final List<RawTable> tables = new ArrayList<>();

    /// One `TableBatch` message as it was found, unchecked.
    static final class RawTable {
        RawColumn.Text table = RawColumn.Text.EMPTY;

        /// Unsigned.
        int rowCount;

        final List<RawColumn> columns = new ArrayList<>();
    }
}
