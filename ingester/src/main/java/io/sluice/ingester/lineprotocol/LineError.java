package io.sluice.ingester.lineprotocol;

/// What is wrong with one line.
///
/// @param lineNumber of the line where the point starts, counted from 1; a string may stretch over several
///     lines
/// @param reason what is wrong, quoting the text in question: shortened, and printable whatever the body
///     holds
public record LineError(long lineNumber, String reason) {}
