package io.sluice.ingester.cli;

/// Whoever reads standard output has had enough, such as `head`: the command ends, and nothing is wrong.
final class OutputClosedException extends RuntimeException {}
