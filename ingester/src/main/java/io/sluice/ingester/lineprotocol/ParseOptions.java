package io.sluice.ingester.lineprotocol;

import io.sluice.model.NamespaceName;

/// How to read a body of line protocol.
///
/// @param defaultTimeNs timestamp of lines that have none, nanoseconds since the epoch
/// @param maxErrors how many bad lines are described; all are counted
public record ParseOptions(
        NamespaceName namespace, Precision precision, long defaultTimeNs, int maxErrors, KnownColumns known) {}
