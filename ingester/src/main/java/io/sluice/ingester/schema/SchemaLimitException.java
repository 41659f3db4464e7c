package io.sluice.ingester.schema;

import io.sluice.ingester.door.WriteOutcome.Limit;

/// A write asks for a namespace, table or column more than there may be. The message says the limit, and what was
/// found.
public final class SchemaLimitException extends SchemaConflictException {
    private final Limit limit;

    public SchemaLimitException(Limit limit, String message) {
        super(message);
        this.limit = limit;
    }

    public Limit limit() {
        return limit;
    }
}
