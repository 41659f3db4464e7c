package io.sluice.ingester.ledger;

/// How many bytes there may be on the ledger; can be changed while the server runs.
///
/// @param totalBytes of all accounts together but [Account#PERSISTING]
/// @param rowsBytes of rows that are not in files, filling and frozen, within the total
/// @param persistBytes what is set apart for [Account#PERSISTING], beside the total
public record LedgerLimits(long totalBytes, long rowsBytes, long persistBytes) {
    /// @throws IllegalArgumentException unless all are positive and rows fit into the total
    public LedgerLimits {
        if (totalBytes < 1 || rowsBytes < 1 || persistBytes < 1) {
            throw new IllegalArgumentException("limits of memory must be positive: %d in all, %d of rows, %d to persist"
                    .formatted(totalBytes, rowsBytes, persistBytes));
        }
        if (rowsBytes > totalBytes) {
            throw new IllegalArgumentException(
                    "rows may take %d bytes: expected at most the %d of all".formatted(rowsBytes, totalBytes));
        }
    }
}
