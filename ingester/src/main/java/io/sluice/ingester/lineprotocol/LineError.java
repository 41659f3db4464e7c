package io.sluice.ingester.lineprotocol;

/// A line that was not taken.
///
/// @param lineNumber of the line on which the point begins, from 1
public record LineError(long lineNumber, String reason) {}
