package io.sluice.ingester.cli;

import io.sluice.model.PartitionTemplate;
import io.sluice.proto.v1.CreateNamespaceRequest;
import io.sluice.proto.v1.GetNamespaceRequest;
import io.sluice.proto.v1.ListNamespacesRequest;
import io.sluice.proto.v1.ListNamespacesResponse;
import io.sluice.proto.v1.Namespace;
import io.sluice.proto.v1.NamespaceServiceGrpc;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sluice namespace`.
@Command(
        name = "namespace",
        description = {
            "Creates namespaces and shows them.",
            "A namespace that nobody created is created by its first write, with a partition for each UTC day."
        },
        mixinStandardHelpOptions = true,
        subcommands = {NamespaceCommand.Create.class, NamespaceCommand.Ls.class, NamespaceCommand.Show.class},
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice namespace create metrics --partition-template '%%Y-%%m-%%d|tag:region'",
            "  sluice namespace ls",
            "  sluice namespace show metrics",
        })
final class NamespaceCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getErr());
        throw new CommandFailedException(ExitCodes.USAGE, "a command is missing: create, ls or show");
    }

    @Command(
            name = "create",
            description = {
                "Creates a namespace; one that exists with the same template is left as it is.",
                "A template is up to 8 parts, joined by |: tags (tag:host) and at most one time format, such as",
                "%%Y (a year), %%Y-%%m, %%G-W%%V (an ISO week), %%Y-%%m-%%d, %%Y-%%m-%%dT%%H, %%Y-%%m-%%dT%%H:%%M; UTC.",
                "It never changes afterwards."
            },
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {
                "  sluice namespace create metrics",
                "  sluice namespace create traces --partition-template '%%Y-%%m-%%dT%%H|tag:service'"
            })
    static final class Create implements Callable<Integer> {
        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private ServerOption server = new ServerOption();

        @Parameters(paramLabel = "NAME", description = "The namespace")
        private String name = "";

        @Option(
                names = "--partition-template",
                paramLabel = "TEMPLATE",
                description = "How rows are cut into partitions (default: %%Y-%%m-%%d)")
        private String template = PartitionTemplate.DAILY.text();

        @Override
        public Integer call() {
            CreateNamespaceRequest request = CreateNamespaceRequest.newBuilder()
                    .setName(name)
                    .setPartitionTemplate(template)
                    .build();
            Namespace created = server.call(
                    channel -> NamespaceServiceGrpc.newBlockingStub(channel).createNamespace(request));
            PrintWriter out = spec.commandLine().getOut();
            out.printf(
                    "namespace %s, partitions by %s%n",
                    Text.oneLine(created.getName()), Text.oneLine(created.getPartitionTemplate()));
            out.flush();
            return ExitCodes.OK;
        }
    }

    @Command(
            name = "ls",
            description = "Lists all namespaces, and by what their rows are cut into partitions.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = "  sluice namespace ls --server ingester-1:8087")
    static final class Ls implements Callable<Integer> {
        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private ServerOption server = new ServerOption();

        @Override
        public Integer call() {
            PrintWriter out = spec.commandLine().getOut();
            int listed = server.call(channel -> {
                NamespaceServiceGrpc.NamespaceServiceBlockingStub stub = NamespaceServiceGrpc.newBlockingStub(channel);
                int count = 0;
                String after = "";
                do {
                    ListNamespacesResponse page = stub.listNamespaces(
                            ListNamespacesRequest.newBuilder().setAfter(after).build());
                    for (Namespace namespace : page.getNamespacesList()) {
                        out.printf(
                                "%s\t%s%n",
                                Text.oneLine(namespace.getName()), Text.oneLine(namespace.getPartitionTemplate()));
                    }
                    count += page.getNamespacesCount();
                    after = page.getNextAfter();
                } while (!after.isEmpty());
                return count;
            });
            if (listed == 0) {
                out.println("there are no namespaces");
            }
            out.flush();
            return ExitCodes.OK;
        }
    }

    @Command(
            name = "show",
            description = "Shows a namespace and its tables.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = "  sluice namespace show metrics")
    static final class Show implements Callable<Integer> {
        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private ServerOption server = new ServerOption();

        @Parameters(paramLabel = "NAME", description = "The namespace")
        private String name = "";

        @Override
        public Integer call() {
            Namespace namespace = server.call(channel -> NamespaceServiceGrpc.newBlockingStub(channel)
                    .getNamespace(GetNamespaceRequest.newBuilder().setName(name).build()));
            PrintWriter out = spec.commandLine().getOut();
            out.printf("namespace           %s%n", Text.oneLine(namespace.getName()));
            out.printf("partition template  %s%n", Text.oneLine(namespace.getPartitionTemplate()));
            out.printf("tables              %d%n", namespace.getTablesCount());
            namespace.getTablesList().forEach(table -> out.printf("  %s%n", Text.oneLine(table)));
            out.flush();
            return ExitCodes.OK;
        }
    }
}
