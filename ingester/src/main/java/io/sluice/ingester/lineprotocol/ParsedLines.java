package io.sluice.ingester.lineprotocol;

import java.util.List;
import java.util.Optional;

/// What a body of line protocol held.
///
/// @param request the bytes of a `sluice.v1.WriteRequest` with the rows of all good lines; empty if there
///     is none
/// @param rows good lines
/// @param badLines bad lines, those without an entry in `errors` included
/// @param errors the first bad lines, in the body's order, at most as many as the options allow
public record ParsedLines(Optional<byte[]> request, long rows, long badLines, List<LineError> errors) {
    /// Of a body that nobody has looked at.
    public static final ParsedLines NONE = new ParsedLines(Optional.empty(), 0, 0, List.of());

    public ParsedLines {
        errors = List.copyOf(errors);
    }
}
