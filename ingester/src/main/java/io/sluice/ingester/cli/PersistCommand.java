package io.sluice.ingester.cli;

import io.sluice.proto.v1.PersistRequest;
import io.sluice.proto.v1.PersistResponse;
import io.sluice.proto.v1.PersistServiceGrpc;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice persist`.
@Command(
        name = "persist",
        description = "Makes Parquet files of all rows that are readable now, and waits until they are in the catalog.",
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  sluice persist", "  sluice persist --namespace metrics --table cpu"})
final class PersistCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ServerOption server = new ServerOption();

    @Option(names = "--namespace", paramLabel = "N", description = "Only this namespace")
    private String namespace = "";

    @Option(names = "--table", paramLabel = "T", description = "Only this table of the namespace")
    private String table = "";

    @Override
    public Integer call() {
        if (namespace.isEmpty() && !table.isEmpty()) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--table is '%s': expected --namespace too".formatted(table));
        }
        PersistRequest request = PersistRequest.newBuilder()
                .setNamespace(namespace)
                .setTable(table)
                .build();
        PersistResponse response = server.call(
                channel -> PersistServiceGrpc.newBlockingStub(channel).persist(request));
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                "%d rows of %d partitions in %d files%n",
                response.getRows(), response.getPartitions(), response.getFiles());
        out.flush();
        return ExitCodes.OK;
    }
}
