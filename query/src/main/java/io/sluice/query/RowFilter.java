package io.sluice.query;

import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/// Finds the rows of a batch that a query asks for: exactly those.
final class RowFilter {
    private static final int[] NONE = {};

    private final QueryRequest request;

    RowFilter(QueryRequest request) {
        this.request = request;
    }

    /// The matching rows, ascending.
    int[] matches(RowBatch batch) {
        if (batch.maxTimeNs() < request.startNs() || batch.minTimeNs() >= request.endNs()) {
            return NONE;
        }
        boolean allTimes = batch.minTimeNs() >= request.startNs() && batch.maxTimeNs() < request.endNs();
        int[] rows = new int[batch.rowCount()];
        int count = 0;
        for (int row = 0; row < rows.length; row++) {
            long timeNs = allTimes ? 0 : batch.time().get(row);
            if (allTimes || (timeNs >= request.startNs() && timeNs < request.endNs())) {
                rows[count++] = row;
            }
        }
        for (QueryRequest.TagIn predicate : request.predicates()) {
            count = keep(batch.find(predicate.column()), predicate, rows, count);
        }
        return Arrays.copyOf(rows, count);
    }

    private static int keep(Optional<RowColumn> column, QueryRequest.TagIn predicate, int[] rows, int count) {
        if (column.isEmpty() || !(column.get() instanceof RowColumn.Tag tag)) {
            return 0; // all null
        }
        boolean[] wanted = new boolean[tag.dictionary().getValueCount()];
        for (int code = 0; code < wanted.length; code++) {
            wanted[code] =
                    predicate.values().contains(new String(tag.dictionary().get(code), StandardCharsets.UTF_8));
        }
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (!tag.codes().isNull(rows[i]) && wanted[tag.codes().get(rows[i])]) {
                rows[kept++] = rows[i];
            }
        }
        return kept;
    }
}
