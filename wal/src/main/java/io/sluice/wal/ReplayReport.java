package io.sluice.wal;

import java.util.List;

/// What a replay read.
///
/// @param tornBytes cut off at the end of the log
/// @param quarantined how many byte ranges were set aside
/// @param lostEntries how many entries were acknowledged, as far as can be told, and cannot be read
/// @param problems one line each
public record ReplayReport(
        int segments,
        long entries,
        long payloadBytes,
        long tornBytes,
        int quarantined,
        long lostEntries,
        List<String> problems) {
    public ReplayReport {
        problems = List.copyOf(problems);
    }
}
