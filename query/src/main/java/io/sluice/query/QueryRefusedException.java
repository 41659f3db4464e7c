package io.sluice.query;

/// A query is not taken now, and may be later.
public final class QueryRefusedException extends Exception {
    private final boolean isServing;

    /// @param isServing false while the server starts or stops; true if it only has too much to do
    public QueryRefusedException(boolean isServing, String message) {
        super(message);
        this.isServing = isServing;
    }

    public boolean isServing() {
        return isServing;
    }
}
