package io.sluice.ingester.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.catalog.FileRecord;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sluice files`: what the catalog says of Parquet files.
@Command(
        name = "files",
        description = {
            "Lists the Parquet files that the catalog names, whether a server runs or not: table, partition, rows, bytes,",
            "time range, sequence range (of its ingester's writes) and object."
        },
        mixinStandardHelpOptions = true,
        subcommands = FilesVerifyCommand.class,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice files --namespace metrics",
            "  sluice files --namespace metrics cpu --format json",
            "  sluice files --namespace metrics --object-store s3://metrics/sluice --catalog postgresql://db.example/sluice",
            "  sluice files verify"
        })
final class FilesCommand implements Callable<Integer> {
    /// How files are told.
    enum Format {
        TABLE,
        JSON
    }

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private StoreOptions stores = new StoreOptions();

    @Option(names = "--namespace", paramLabel = "NAME", description = "Whose files (required)")
    private String namespace = "";

    @Parameters(arity = "0..1", paramLabel = "TABLE", description = "Only of this table")
    private String table = "";

    @Option(
            names = "--format",
            paramLabel = "table|json",
            defaultValue = "table",
            description = "A table, or an object of JSON on each line (default: ${DEFAULT-VALUE})")
    private Format format = Format.TABLE;

    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public Integer call() throws IOException {
        if (namespace.isEmpty()) {
            throw new CommandFailedException(ExitCodes.USAGE, "--namespace is missing: expected whose files to list");
        }
        NamespaceName name = FileSelection.namespace(namespace);
        Optional<TableName> only = FileSelection.table(table);
        PrintWriter out = spec.commandLine().getOut();
        try (CatalogView catalog = stores.openCatalog()) {
            if (!catalog.namespaces().contains(name)) {
                throw new CommandFailedException(ExitCodes.PARTIAL, "there is no namespace '%s'".formatted(name));
            }
            if (only.isPresent() && catalog.findTable(name, only.get()).isEmpty()) {
                throw new CommandFailedException(
                        ExitCodes.PARTIAL, "there is no table '%s' in namespace '%s'".formatted(only.get(), name));
            }
            long[] sums = new long[3];
            if (format == Format.TABLE) {
                out.printf(
                        "%-20s %-20s %12s %10s %-30s %-30s %12s %12s  %s%n",
                        "table", "partition", "rows", "size", "from", "to", "first", "last", "object");
            }
            FileSelection.forEach(catalog, name, only, file -> {
                sums[0]++;
                sums[1] += file.rowCount();
                sums[2] += file.sizeBytes();
                print(file, out);
            });
            if (format == Format.TABLE) {
                out.printf("%d files, %d rows, %s%n", sums[0], sums[1], Units.bytes(sums[2]));
            }
        }
        out.flush();
        return ExitCodes.OK;
    }

    private void print(FileRecord file, PrintWriter out) {
        switch (format) {
            case TABLE ->
                out.printf(
                        "%-20s %-20s %12d %10s %-30s %-30s %12s %12s  %s%n",
                        file.table(),
                        file.partition().key(),
                        file.rowCount(),
                        Units.bytes(file.sizeBytes()),
                        time(file.minTimeNs()),
                        time(file.maxTimeNs()),
                        file.minSequence(),
                        file.maxSequence(),
                        file.objectName());
            case JSON -> out.println(json(file));
        }
    }

    private String json(FileRecord file) {
        ObjectNode json = mapper.createObjectNode()
                .put("namespace", file.namespace().value())
                .put("table", file.table().value())
                .put("partition", file.partition().key().value())
                .put("rows", file.rowCount())
                .put("bytes", file.sizeBytes())
                .put("min_time", time(file.minTimeNs()).toString())
                .put("max_time", time(file.maxTimeNs()).toString())
                .put("ingester", file.ingester().toString())
                .put("min_sequence", file.minSequence().value())
                .put("max_sequence", file.maxSequence().value())
                .put("created_at", file.createdAt().toString())
                .put("object", file.objectName());
        try {
            return mapper.writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Instant time(long nanos) {
        return Instant.ofEpochSecond(Math.floorDiv(nanos, 1_000_000_000L), Math.floorMod(nanos, 1_000_000_000L));
    }
}
