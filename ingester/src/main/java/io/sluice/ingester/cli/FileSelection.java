package io.sluice.ingester.cli;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.catalog.FileQuery;
import io.sluice.persist.catalog.FileRecord;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// Files of the catalog, handed over one after the other, whatever their number.
final class FileSelection {
    private FileSelection() {}

    /// What is done with a file.
    @FunctionalInterface
    interface Visitor {
        void visit(FileRecord file) throws IOException;
    }

    /// What is done with some files.
    @FunctionalInterface
    interface PageVisitor {
        void visit(List<FileRecord> files) throws IOException;
    }

    /// Hands over the files of a namespace, or of a table of it, by the names of their objects.
    static void forEach(CatalogView catalog, NamespaceName namespace, Optional<TableName> table, Visitor visitor)
            throws IOException {
        forEachPage(catalog, namespace, table, files -> {
            for (FileRecord file : files) {
                visitor.visit(file);
            }
        });
    }

    /// As [#forEach], some at a time.
    static void forEachPage(
            CatalogView catalog, NamespaceName namespace, Optional<TableName> table, PageVisitor visitor)
            throws IOException {
        String after = "";
        List<FileRecord> page;
        do {
            page = catalog.files(new FileQuery(namespace, table, Optional.empty(), after, FileQuery.MAX_LIMIT));
            if (!page.isEmpty()) {
                visitor.visit(page);
                after = page.getLast().objectName();
            }
        } while (page.size() == FileQuery.MAX_LIMIT);
    }

    /// A name of the command line.
    static NamespaceName namespace(String name) {
        try {
            return new NamespaceName(name);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, "--namespace: " + e.getMessage());
        }
    }

    /// A name of the command line; empty if there is none.
    static Optional<TableName> table(String name) {
        try {
            return name.isEmpty() ? Optional.empty() : Optional.of(new TableName(name));
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, "TABLE: " + e.getMessage());
        }
    }
}
