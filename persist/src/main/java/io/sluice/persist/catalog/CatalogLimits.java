package io.sluice.persist.catalog;

/// How much this process lets a catalog grow. What is there already stays, also above a limit.
///
/// @param maxNamespaces how many namespaces there may be
/// @param maxTables how many tables a namespace may have
public record CatalogLimits(int maxNamespaces, int maxTables) {
    /// 10,000 namespaces of 10,000 tables each.
    public static final CatalogLimits DEFAULT = new CatalogLimits(10_000, 10_000);

    /// @throws IllegalArgumentException unless both are positive
    public CatalogLimits {
        if (maxNamespaces < 1 || maxTables < 1) {
            throw new IllegalArgumentException(
                    "limits must be positive: %d namespaces, %d tables".formatted(maxNamespaces, maxTables));
        }
    }
}
