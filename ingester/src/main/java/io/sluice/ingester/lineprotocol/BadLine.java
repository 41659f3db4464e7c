package io.sluice.ingester.lineprotocol;

import java.util.function.Supplier;

/// A line is wrong. Cheap, because a body may consist of nothing else: no stack trace, and the reason is only put into
/// words if somebody asks before the parser goes on.
final class BadLine extends Exception {
    private final transient Supplier<String> reason;

    BadLine(Supplier<String> reason) {
        super("", null, false, false);
        this.reason = reason;
    }

    String reason() {
        return reason.get();
    }
}
