package io.sluice.wal;

import java.io.IOException;

/// Bytes that should be an entry are not, and the policy is [CorruptionPolicy#FAIL].
public final class CorruptEntryException extends IOException {
    CorruptEntryException(WalProblem problem) {
        super(problem.describe());
    }
}
