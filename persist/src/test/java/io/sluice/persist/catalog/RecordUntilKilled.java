package io.sluice.persist.catalog;

import io.sluice.model.ColumnSchema;
import io.sluice.model.TableSchema;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;

/// A process that records one file after another and prints the number of each that the catalog reported as
/// recorded, until it is killed.
final class RecordUntilKilled {
    private RecordUntilKilled() {}

    /// Runs until it is killed.
    ///
    /// @param arguments the catalog's file
    @SuppressWarnings("SystemOut") // it is how the process reports
    public static void main(String[] arguments) throws Exception {
        try (Catalog catalog =
                SqliteCatalog.open(Path.of(arguments[0]), InstantSource.fixed(CatalogContractTest.ARBITRARY_INSTANT))) {
            TableSchema table = catalog.ensureTable(
                    CatalogContractTest.METRICS, CatalogContractTest.CPU, List.of(ColumnSchema.tag("host")), 2);
            long epoch = catalog.registerIngester(CatalogContractTest.INGESTER).epoch();
            for (long number = 1; number <= Integer.MAX_VALUE; number++) {
                catalog.recordFile(
                        CatalogContractTest.file(
                                table, CatalogContractTest.DAY_1, CatalogContractTest.INGESTER, number, number),
                        epoch);
                System.out.println(number);
            }
        }
    }
}
