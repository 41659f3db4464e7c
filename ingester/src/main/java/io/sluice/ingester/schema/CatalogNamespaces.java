package io.sluice.ingester.schema;

import io.sluice.ingester.door.Namespaces;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.CatalogConflictException;
import io.sluice.persist.catalog.CatalogLimitException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Asks the catalog, each time.
public final class CatalogNamespaces implements Namespaces {
    private final Catalog catalog;

    /// @param catalog stays the caller's
    public CatalogNamespaces(Catalog catalog) {
        this.catalog = catalog;
    }

    @Override
    public Creation create(NamespaceName name, PartitionTemplate template) throws IOException {
        try {
            catalog.createNamespace(name, template);
            return new Creation.Exists();
        } catch (CatalogLimitException e) {
            return new Creation.LimitReached(String.valueOf(e.getMessage()));
        } catch (CatalogConflictException e) {
            return new Creation.Conflict(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public Optional<NamespaceDetails> find(NamespaceName name) throws IOException {
        Optional<PartitionTemplate> template = catalog.findNamespace(name);
        if (template.isEmpty()) {
            return Optional.empty();
        }
        List<TableSchema> tables = catalog.tables(name);
        return Optional.of(new NamespaceDetails(
                name, template.get(), tables.stream().map(TableSchema::table).toList()));
    }

    @Override
    public List<NamespaceDetails> list(Optional<NamespaceName> after, int limit) throws IOException {
        List<NamespaceName> names = catalog.namespaces().stream()
                .filter(name -> after.isEmpty() || name.compareTo(after.get()) > 0)
                .limit(limit)
                .toList();
        List<NamespaceDetails> listed = new ArrayList<>(names.size());
        for (NamespaceName name : names) {
            catalog.findNamespace(name)
                    .ifPresent(template -> listed.add(new NamespaceDetails(name, template, List.of())));
        }
        return listed;
    }
}
