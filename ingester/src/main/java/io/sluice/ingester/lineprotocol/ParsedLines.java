package io.sluice.ingester.lineprotocol;

import java.util.List;
import java.util.Optional;

/// What became of a body of line protocol.
///
/// @param request the bytes of a `sluice.v1.WriteRequest` that holds all good lines; empty if there are none
/// @param rows good lines
/// @param badLines lines that were not taken
/// @param errors the first of them
public record ParsedLines(Optional<byte[]> request, long rows, long badLines, List<LineError> errors) {
    public ParsedLines {
        errors = List.copyOf(errors);
    }
}
