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

    /// Hands over the files of a namespace, or of a table of it, by the names of their objects.
    static void forEach(CatalogView catalog, NamespaceName namespace, Optional<TableName> table, Visitor visitor)
            throws IOException {
        String after = "";
        List<FileRecord> page;
        do {
            page = catalog.files(new FileQuery(namespace, table, Optional.empty(), after, FileQuery.MAX_LIMIT));
            for (FileRecord file : page) {
                visitor.visit(file);
                after = file.objectName();
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
