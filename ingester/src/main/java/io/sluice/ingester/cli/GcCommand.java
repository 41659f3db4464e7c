package io.sluice.ingester.cli;

import io.sluice.persist.OrphanFinder;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectStores;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice gc`: objects that no catalog row names, left by crashes between an upload and its record.
@Command(
        name = "gc",
        description = {
            "Lists objects that the catalog does not know: uploads that were never recorded.",
            "Deletes them only with --delete, and only those older than --older-than."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  sluice gc", "  sluice gc --delete --older-than 24h"})
final class GcCommand implements Callable<Integer> {
    private static final String SQLITE = "sqlite:";
    private static final String FILE = "file:";
    /// An object that is about to be recorded is younger: see [OrphanFinder].
    private static final Duration MIN_AGE = Duration.ofHours(1);

    private static final Duration MAX_AGE = Duration.ofDays(36_500);

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--data-dir",
            paramLabel = "DIR",
            defaultValue = "./sluice-data",
            description = "The server's data folder (default: ${DEFAULT-VALUE})")
    private Path dataDirectory = Path.of("./sluice-data");

    @Option(
            names = "--object-store",
            paramLabel = "URI",
            description = "As of the server (default: objects in the data folder)")
    private String objectStore = "";

    @Option(
            names = "--catalog",
            paramLabel = "URI",
            description = "As of the server (default: catalog.db in the data folder)")
    private String catalog = "";

    @Option(names = "--delete", description = "Delete what is old enough")
    private boolean delete;

    @Option(
            names = "--older-than",
            paramLabel = "DURATION",
            defaultValue = "24h",
            converter = DurationConverter.class,
            description = {
                "How old an object must be to be deleted, at least 1h: a server may be about to record a younger one",
                "(default: ${DEFAULT-VALUE})"
            })
    private Duration olderThan = Duration.ofHours(24);

    @Override
    public Integer call() throws IOException {
        if (delete && (olderThan.compareTo(MIN_AGE) < 0 || olderThan.compareTo(MAX_AGE) > 0)) {
            throw new CommandFailedException(
                    ExitCodes.USAGE,
                    "--older-than is %s: expected 1h to %dd, as a running server may be about to record what is younger"
                            .formatted(olderThan, MAX_AGE.toDays()));
        }
        InstantSource clock = Clock.systemUTC();
        String catalogAddress = or(catalog, SQLITE, "catalog.db");
        String storeAddress = or(objectStore, FILE, "objects");
        requireExisting(catalogAddress, SQLITE, Files::isRegularFile, "there is no catalog");
        requireExisting(storeAddress, FILE, Files::isDirectory, "there is no object store");
        PrintWriter out = spec.commandLine().getOut();
        try (Catalog opened = Catalogs.open(catalogAddress, clock)) {
            ObjectStore store = ObjectStores.open(storeAddress);
            OrphanFinder finder = new OrphanFinder(opened, store, clock);
            if (delete && !finder.find().isEmpty() && !namesAny(opened, store)) {
                // More likely another server's catalog than one whose every upload was lost.
                throw new CommandFailedException(
                        ExitCodes.PARTIAL,
                        "nothing was deleted: the catalog %s names no object of %s, so it may not belong to it"
                                .formatted(catalogAddress, storeAddress));
            }
            List<ObjectInfo> orphans = delete ? finder.delete(olderThan) : finder.find();
            for (ObjectInfo orphan : orphans) {
                out.printf("%s  %s  %s%n", orphan.modifiedAt(), Units.bytes(orphan.sizeBytes()), orphan.name());
            }
            out.printf("%d objects %s%n", orphans.size(), delete ? "deleted" : "are not in the catalog");
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, String.valueOf(e.getMessage()));
        }
        out.flush();
        return ExitCodes.OK;
    }

    /// Whether the catalog names an object that is in the store.
    private static boolean namesAny(Catalog catalog, ObjectStore store) throws IOException {
        for (String name : catalog.objectNames()) {
            if (store.find(name).isPresent()) {
                return true;
            }
        }
        return false;
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

    private String or(String address, String scheme, String name) {
        return address.isEmpty() ? scheme + dataDirectory.resolve(name) : address;
    }
}
