package io.sluice.ingester.cli;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.FileVerifier;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.ObjectStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sluice files verify`: whether what the catalog says of files is so.
@Command(
        name = "verify",
        description = {
            "Checks that each file that the catalog names is there, and has the length and the number of rows of its record.",
            "Names each one that has not, and ends with exit code 1 then."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  sluice files verify", "  sluice files verify --namespace metrics cpu --data-dir /var/lib/sluice"})
final class FilesVerifyCommand implements Callable<Integer> {
    /// A look is two or three short requests, most of whose time is the way to S3 and back.
    private static final int AT_ONCE = 16;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private StoreOptions stores = new StoreOptions();

    @Option(names = "--namespace", paramLabel = "NAME", description = "Only files of this one (default: of all)")
    private String namespace = "";

    @Parameters(arity = "0..1", paramLabel = "TABLE", description = "Only of this table")
    private String table = "";

    @Override
    public Integer call() throws IOException {
        Optional<TableName> only = FileSelection.table(table);
        if (only.isPresent() && namespace.isEmpty()) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--namespace is missing: expected that of table '%s'".formatted(table));
        }
        PrintWriter out = spec.commandLine().getOut();
        long[] counts = new long[2];
        ExecutorService threads = Executors.newFixedThreadPool(
                AT_ONCE, Thread.ofVirtual().name("verify-", 0).factory());
        try (CatalogView catalog = stores.openCatalog();
                ObjectStore store = stores.openStore()) {
            FileVerifier verifier = new FileVerifier(store);
            List<NamespaceName> namespaces =
                    namespace.isEmpty() ? catalog.namespaces() : List.of(FileSelection.namespace(namespace));
            for (NamespaceName name : namespaces) {
                FileSelection.forEachPage(catalog, name, only, files -> {
                    List<Optional<String>> problems = findProblems(verifier, files, threads);
                    for (int i = 0; i < files.size(); i++) {
                        counts[0]++;
                        if (problems.get(i).isPresent()) {
                            counts[1]++;
                            out.printf(
                                    "%s: %s%n",
                                    files.get(i).objectName(), problems.get(i).get());
                        }
                    }
                });
            }
        } finally {
            threads.shutdownNow();
        }
        out.printf("%d files, %d not as they should be%n", counts[0], counts[1]);
        out.flush();
        return counts[1] == 0 ? ExitCodes.OK : ExitCodes.PARTIAL;
    }

    /// What is wrong with each file, in their order.
    private static List<Optional<String>> findProblems(
            FileVerifier verifier, List<FileRecord> files, ExecutorService threads) throws IOException {
        List<Future<Optional<String>>> looks = files.stream()
                .map(file -> threads.submit(() -> verifier.findProblem(file)))
                .toList();
        List<Optional<String>> problems = new ArrayList<>();
        try {
            for (Future<Optional<String>> look : looks) {
                problems.add(look.get());
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while files were verified");
        }
        return problems;
    }
}
