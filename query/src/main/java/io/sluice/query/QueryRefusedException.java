package io.sluice.query;

/// A query is not taken now, and may be later.
public final class QueryRefusedException extends Exception {
    private final transient QueryRefusal refusal;

    public QueryRefusedException(QueryRefusal refusal) {
        super(refusal.message());
        this.refusal = refusal;
    }

    public QueryRefusal refusal() {
        return refusal;
    }
}
