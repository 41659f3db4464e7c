package io.sluice.ingester.cli;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.settings.SettingValues;
import io.sluice.persist.catalog.CatalogContext;
import io.sluice.persist.catalog.CatalogLimits;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectStoreSettings;
import io.sluice.persist.store.ObjectStores;
import io.sluice.persist.store.StoreContext;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import picocli.CommandLine.Option;

/// Options that say where the server's objects and its catalog are. The server's own variables hold here, too.
final class StoreOptions {
    private static final String SQLITE = "sqlite:";
    private static final String FILE = "file:";

    @Option(
            names = "--data-dir",
            paramLabel = "DIR",
            defaultValue = "${env:SLUICE_DATA_DIR:-./sluice-data}",
            description = "The server's data folder (default: ${DEFAULT-VALUE})")
    private Path dataDirectory = Path.of("./sluice-data");

    @Option(
            names = "--object-store",
            paramLabel = "URI",
            defaultValue = "${env:SLUICE_OBJECT_STORE:-}",
            description = "As of the server: file:DIR or s3://BUCKET/PREFIX (default: objects in the data folder)")
    private String objectStore = "";

    @Option(
            names = "--s3-endpoint",
            paramLabel = "URL",
            defaultValue = "${env:SLUICE_S3_ENDPOINT:-}",
            description = "As of the server")
    private String endpoint = "";

    @Option(
            names = "--s3-region",
            paramLabel = "REGION",
            defaultValue = "${env:SLUICE_S3_REGION:-}",
            description = "As of the server")
    private String region = "";

    @Option(
            names = "--catalog",
            paramLabel = "URI",
            defaultValue = "${env:SLUICE_CATALOG:-}",
            description =
                    "As of the server: sqlite:FILE or postgresql://HOST/DATABASE, password in PGPASSWORD (default: catalog.db in the data folder)")
    private String catalog = "";

    /// For people: without a password.
    String describeCatalog() {
        return Catalogs.describe(catalogAddress());
    }

    String describeStore() {
        return storeAddress();
    }

    private String catalogAddress() {
        return catalog.isEmpty() ? SQLITE + dataDirectory.resolve("catalog.db") : catalog;
    }

    private String storeAddress() {
        return objectStore.isEmpty() ? FILE + dataDirectory.resolve("objects") : objectStore;
    }

    /// Opens the catalog, which must be there, to look into it. The caller closes it.
    CatalogView openCatalog() throws IOException {
        String address = catalogAddress();
        requireExisting(address, SQLITE, Files::isRegularFile, "there is no catalog");
        try {
            return Catalogs.view(address, catalogContext());
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, String.valueOf(e.getMessage()));
        }
    }

    /// What commands give a catalog.
    static CatalogContext catalogContext() {
        return new CatalogContext(
                Clock.systemUTC(),
                () -> CatalogLimits.DEFAULT,
                Thread::sleep,
                ThreadLocalRandom.current(),
                name -> Optional.ofNullable(System.getenv(name)));
    }

    /// Opens the object store, which must be there. The caller closes it.
    ObjectStore openStore() throws IOException {
        String address = storeAddress();
        requireExisting(address, FILE, Files::isDirectory, "there is no object store");
        try {
            return ObjectStores.open(
                    new ObjectStoreSettings(
                            address, endpoint(), Optional.of(region).filter(name -> !name.isEmpty())),
                    new StoreContext(
                            Clock.systemUTC(),
                            Thread::sleep,
                            ThreadLocalRandom.current(),
                            Runnable::run,
                            new SimpleMeterRegistry()));
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, String.valueOf(e.getMessage()));
        }
    }

    private Optional<URI> endpoint() {
        try {
            return endpoint.isEmpty() ? Optional.empty() : Optional.of(SettingValues.parseEndpoint(endpoint));
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(
                    ExitCodes.USAGE,
                    "--s3-endpoint is '%s': expected http://HOST:PORT or https://HOST".formatted(endpoint));
        }
    }

    /// Opening creates what is missing, and to an empty catalog every object is an orphan: all rows would be deleted.
    private static void requireExisting(String address, String scheme, Predicate<Path> exists, String complaint) {
        if (!address.startsWith(scheme)) {
            return; // opening says what is supported
        }
        if (!exists.test(Path.of(address.substring(scheme.length())))) {
            throw new CommandFailedException(ExitCodes.IO, complaint + " " + address);
        }
    }
}
