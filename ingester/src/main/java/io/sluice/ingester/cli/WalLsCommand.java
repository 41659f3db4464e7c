package io.sluice.ingester.cli;

import io.sluice.ingester.cli.SegmentHolders.Holders;
import io.sluice.model.IngesterId;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.wal.WalInspector;
import io.sluice.wal.WalInspector.SegmentInfo;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice wal ls`: one line for each segment.
@Command(
        name = "ls",
        description = {
            "Lists the segments: file, first and last number, entries, bytes used and allocated, age, and what holds it:",
            "the partitions (namespace/table/partition) with writes in it that are in no file yet, as the catalog tells;",
            "? if it is not known. A segment that nothing holds goes when all before it have gone."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice wal ls --data-dir /var/lib/sluice",
            "  sluice wal ls --wal-dir /fast-disk/wal --catalog sqlite:/var/lib/sluice/catalog.db"
        })
final class WalLsCommand implements Callable<Integer> {
    private static final int MAX_NAMES = 3;
    private static final String UNKNOWN = "?";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private WalFolder folder = new WalFolder();

    @Option(
            names = "--catalog",
            paramLabel = "URI",
            defaultValue = "${env:SLUICE_CATALOG:-}",
            description =
                    "As of the server: sqlite:FILE or postgresql://HOST/DATABASE (default: catalog.db in the data folder)")
    private String catalog = "";

    private final InstantSource clock = Clock.systemUTC();

    @Override
    public Integer call() throws IOException {
        WalInspector inspector = folder.inspector();
        PrintWriter out = spec.commandLine().getOut();
        Optional<CatalogView> view = openCatalog();
        out.printf(
                "%-24s %12s %12s %10s %10s %10s %8s  %s%n",
                "segment", "first", "last", "entries", "used", "size", "age", "held by");
        if (view.isPresent()) {
            try (CatalogView opened = view.get()) {
                printWithHolders(inspector, new SegmentHolders(opened), out);
            }
        } else {
            inspector.segments().forEach(segment -> print(segment, UNKNOWN, out));
        }
        out.flush();
        return ExitCodes.OK;
    }

    private void printWithHolders(WalInspector inspector, SegmentHolders holders, PrintWriter out) throws IOException {
        Optional<IngesterId> identity = identity();
        boolean[] isEarlierHeld = {false};
        try {
            inspector.look(
                    entry -> unchecked(() -> {
                        holders.add(entry);
                        return true;
                    }),
                    segment -> {
                        Optional<IngesterId> owner =
                                segment.owner().map(IngesterId::new).or(() -> identity);
                        if (owner.isEmpty()) {
                            holders.skip();
                            print(segment, UNKNOWN, out);
                            return;
                        }
                        Holders found = unchecked(() -> holders.take(owner.get()));
                        print(segment, describe(found, isEarlierHeld[0]), out);
                        isEarlierHeld[0] |= !found.partitions().isEmpty();
                    });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    @FunctionalInterface
    private interface Step<T> {
        T run() throws IOException;
    }

    private static <T> T unchecked(Step<T> step) {
        try {
            return step.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The id in the log's folder, for segments that do not tell theirs.
    private Optional<IngesterId> identity() {
        try {
            return Optional.of(IngesterId.parse(
                    Files.readString(folder.path().resolve("ingester.id")).strip()));
        } catch (IOException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /// The catalog, if it can be known which it is.
    private Optional<CatalogView> openCatalog() throws IOException {
        Optional<Path> file = folder.dataDirectory().map(data -> data.resolve("catalog.db"));
        if (catalog.isEmpty() && file.filter(Files::exists).isEmpty()) {
            return Optional.empty();
        }
        String address = catalog.isEmpty() ? "sqlite:" + file.get() : catalog;
        try {
            return Optional.of(Catalogs.view(address, StoreOptions.catalogContext()));
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(ExitCodes.USAGE, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            if (!catalog.isEmpty()) {
                throw e;
            }
            // The log can be looked at all the same.
            spec.commandLine().getErr().println("sluice: " + Text.oneLine(Text.reason(e)));
            spec.commandLine().getErr().flush();
            return Optional.empty();
        }
    }

    private void print(SegmentInfo segment, String heldBy, PrintWriter out) {
        out.printf(
                "%-24s %12s %12s %10d %10s %10s %8s  %s%n",
                segment.file().getFileName(),
                segment.firstSequence().map(String::valueOf).orElse("-"),
                segment.lastSequence().map(String::valueOf).orElse("-"),
                segment.entries(),
                Units.bytes(segment.usedBytes()),
                Units.bytes(segment.sizeBytes()),
                segment.createdAt()
                        .map(at -> Units.age(Duration.between(at, clock.instant())))
                        .orElse(UNKNOWN),
                heldBy);
    }

    private static String describe(Holders holders, boolean isEarlierHeld) {
        int count = holders.partitions().size();
        String partitions = count == 0
                ? (isEarlierHeld ? "earlier segments" : "-")
                : "%d partition%s: %s%s"
                        .formatted(
                                count,
                                count == 1 ? "" : "s",
                                String.join(", ", holders.partitions().subList(0, Math.min(count, MAX_NAMES))),
                                count > MAX_NAMES ? ", …" : "");
        return holders.undecodable() == 0
                ? partitions
                : "%s (%d entries are no writes)".formatted(partitions, holders.undecodable());
    }
}
