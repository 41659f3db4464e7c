package io.sluice.ingester.cli;

import io.sluice.wal.WalProblem;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `sluice wal`: looks at a log's folder, also while a server uses it. Changes nothing, save what `quarantine
/// --discard` deletes.
@Command(
        name = "wal",
        description = {
            "Looks at the log on disk, also while a server uses it.",
            "Changes nothing, save what quarantine --discard deletes."
        },
        mixinStandardHelpOptions = true,
        subcommands = {WalLsCommand.class, WalCommand.Verify.class, WalDumpCommand.class, WalQuarantineCommand.class},
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice wal ls",
            "  sluice wal verify --data-dir /var/lib/sluice",
            "  sluice wal dump --from 100 --to 110 --format json",
            "  sluice wal quarantine",
        })
final class WalCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getErr());
        throw new CommandFailedException(ExitCodes.USAGE, "a command is missing: ls, verify, dump or quarantine");
    }

    @Command(
            name = "verify",
            description = {
                "Reads every entry and says what is not as it should be; exit code 1 if anything is.",
                "While a server writes, the end of the last segment may look torn."
            },
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = "  sluice wal verify --wal-dir /fast-disk/wal")
    static final class Verify implements Callable<Integer> {
        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Mixin
        private WalFolder folder = new WalFolder();

        @Override
        public Integer call() throws IOException {
            PrintWriter out = spec.commandLine().getOut();
            List<WalProblem> problems = folder.inspector().verify();
            problems.forEach(problem -> out.println(problem.describe()));
            if (problems.isEmpty()) {
                out.println("the log is sound");
            }
            out.flush();
            return problems.isEmpty() ? ExitCodes.OK : ExitCodes.PARTIAL;
        }
    }
}
