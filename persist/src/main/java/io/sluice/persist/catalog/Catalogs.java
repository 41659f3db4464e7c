package io.sluice.persist.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;

/// Opens the catalog that a setting names.
public final class Catalogs {
    private static final String SQLITE = "sqlite:";

    private Catalogs() {}

    /// Opens a catalog in a file. The caller closes it.
    ///
    /// @param address `sqlite:FILE`; the file and its folders are created if they are missing, a relative one
    ///     counts from the working folder
    /// @param clock says when something was created
    /// @throws IllegalArgumentException if `address` is none of a file; says which are
    public static Catalog open(String address, InstantSource clock) throws IOException {
        return open(address, clock, CatalogLimits.DEFAULT);
    }

    /// As [#open(String, InstantSource)], with limits of one's own.
    public static Catalog open(String address, InstantSource clock, CatalogLimits limits) throws IOException {
        return SqliteCatalog.open(file(address), clock, () -> limits);
    }

    /// Opens a catalog. The caller closes it.
    ///
    /// @param address `sqlite:FILE`, or `postgresql://HOST/DATABASE` as [PostgresAddress] says; the tables
    ///     are created in the database if they are missing
    /// @throws IllegalArgumentException if `address` is none that this version supports; says which are
    public static Catalog open(String address, CatalogContext context) throws IOException {
        return PostgresAddress.isOne(address)
                ? PostgresCatalog.open(PostgresAddress.parse(address, context.environment()), context)
                : SqliteCatalog.open(file(address), context.clock(), context.limits());
    }

    /// Opens a catalog only to look into it, also while a server uses it. The caller closes it.
    ///
    /// @param address as for [#open]; nothing is created
    /// @throws CatalogException if there is none, or it is not of this version
    /// @throws IllegalArgumentException if `address` is none that this version supports; says which are
    public static CatalogView view(String address, CatalogContext context) throws IOException {
        return PostgresAddress.isOne(address)
                ? new CatalogView(PostgresCatalog.look(PostgresAddress.parse(address, context.environment()), context))
                : view(address);
    }

    /// As [#view(String, CatalogContext)], of a file.
    public static CatalogView view(String address) throws IOException {
        Path file = file(address).toAbsolutePath().normalize();
        if (!Files.isRegularFile(file)) {
            throw new CatalogException("catalog %s: there is no such file".formatted(file));
        }
        CatalogSession session = SqliteCatalog.look(file);
        boolean done = false;
        try {
            session.read("open it", connection -> {
                SqliteFile.requireCurrent(file, connection);
                return true;
            });
            done = true;
            return new CatalogView(session);
        } finally {
            if (!done) {
                session.close();
            }
        }
    }

    /// Checks an address without opening anything.
    ///
    /// @throws IllegalArgumentException saying what is wrong
    public static void check(String address) {
        if (PostgresAddress.isOne(address)) {
            var _ = PostgresAddress.parse(address, _ -> Optional.empty());
        } else {
            var _ = file(address);
        }
    }

    /// An address for people: without a password.
    public static String describe(String address) {
        return PostgresAddress.isOne(address)
                ? PostgresAddress.parse(address, _ -> Optional.empty()).toString()
                : address;
    }

    private static Path file(String address) {
        String path = address.startsWith(SQLITE) ? address.substring(SQLITE.length()) : "";
        if (path.isEmpty() || (path.startsWith("//") && !path.startsWith("///"))) {
            throw unsupported(address);
        }
        try {
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("catalog '%s': %s".formatted(address, e.getMessage()), e);
        }
    }

    private static IllegalArgumentException unsupported(String address) {
        return new IllegalArgumentException(
                "catalog '%s' is not supported: expected sqlite:FILE or postgresql://HOST/DATABASE, such as sqlite:/var/lib/sluice/catalog.db"
                        .formatted(withoutSecrets(address)));
    }

    /// An address of a server may hold a password, which must not get into a log.
    private static String withoutSecrets(String address) {
        int scheme = address.indexOf(':');
        return scheme < 0 ? address : address.substring(0, scheme) + ":…";
    }
}
