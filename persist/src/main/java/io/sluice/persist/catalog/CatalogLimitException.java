package io.sluice.persist.catalog;

/// What was asked would make the catalog larger than it may be. Nothing was changed; asking again changes
/// nothing, until the limit is raised.
public final class CatalogLimitException extends CatalogConflictException {
    private final Limit limit;

    /// Of what there may be no more.
    public enum Limit {
        NAMESPACES,
        TABLES,
        COLUMNS
    }

    public CatalogLimitException(Limit limit, String message) {
        super(message);
        this.limit = limit;
    }

    public Limit limit() {
        return limit;
    }
}
