package io.sluice.ingester.cli;

import io.sluice.persist.OrphanFinder;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.UnfinishedUpload;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice gc`: objects that no catalog row names, left by crashes between an upload and its record.
@Command(
        name = "gc",
        description = {
            "Lists objects that the catalog does not know: uploads that were never recorded, and on S3 those that were never",
            "completed.",
            "Deletes them only with --delete, and only those older than --older-than."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice gc",
            "  sluice gc --delete --older-than 24h",
            "  sluice gc --object-store s3://metrics/sluice --catalog postgresql://sluice@db.example/sluice"
        })
final class GcCommand implements Callable<Integer> {
    /// An object that is about to be recorded is younger: see [OrphanFinder].
    private static final Duration MIN_AGE = Duration.ofHours(1);

    private static final Duration MAX_AGE = Duration.ofDays(36_500);

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private StoreOptions stores = new StoreOptions();

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
        PrintWriter out = spec.commandLine().getOut();
        try (CatalogView catalog = stores.openCatalog();
                ObjectStore store = stores.openStore()) {
            OrphanFinder finder = new OrphanFinder(catalog::objectNames, store, Clock.systemUTC());
            boolean isNothing =
                    finder.find().isEmpty() && finder.findUnfinished().isEmpty();
            if (delete && !isNothing && !namesAny(catalog, store)) {
                // More likely another server's catalog than one whose every upload was lost.
                throw new CommandFailedException(
                        ExitCodes.PARTIAL,
                        "nothing was deleted: the catalog %s names no object of %s, so it may not belong to it"
                                .formatted(stores.describeCatalog(), stores.describeStore()));
            }
            List<ObjectInfo> orphans = delete ? finder.delete(olderThan) : finder.find();
            for (ObjectInfo orphan : orphans) {
                out.printf("%s  %s  %s%n", orphan.modifiedAt(), Units.bytes(orphan.sizeBytes()), orphan.name());
            }
            List<UnfinishedUpload> unfinished = delete ? finder.discardUnfinished(olderThan) : finder.findUnfinished();
            for (UnfinishedUpload upload : unfinished) {
                out.printf("%s  unfinished upload  %s%n", upload.startedAt(), upload.name());
            }
            out.printf("%d objects %s%n", orphans.size(), delete ? "deleted" : "are not in the catalog");
            if (!unfinished.isEmpty()) {
                out.printf("%d unfinished uploads%s%n", unfinished.size(), delete ? " aborted" : "");
            }
        }
        out.flush();
        return ExitCodes.OK;
    }

    /// Whether the catalog names an object that is in the store.
    private static boolean namesAny(CatalogView catalog, ObjectStore store) throws IOException {
        for (String name : catalog.objectNames()) {
            if (store.find(name).isPresent()) {
                return true;
            }
        }
        return false;
    }
}
