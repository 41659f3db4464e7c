package io.sluice.ingester.cli;

import io.sluice.wal.QuarantineFolder;
import io.sluice.wal.QuarantineFolder.Contents;
import io.sluice.wal.QuarantineFolder.Item;
import io.sluice.wal.QuarantineFolder.Loss;
import io.sluice.wal.QuarantineFolder.Origin;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice wal quarantine`: what starts set aside.
@Command(
        name = "quarantine",
        description = {
            "Lists what starts set aside: copies of damage in the log, segments of other logs, and writes that did not apply.",
            "The server warns of it at every start until it is discarded; nothing else reads it."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  sluice wal quarantine", "  sluice wal quarantine --discard --data-dir /var/lib/sluice"})
final class WalQuarantineCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private WalFolder folder = new WalFolder();

    @Option(names = "--discard", description = "Delete each file that the log set aside, naming it first")
    private boolean discard;

    @Override
    public Integer call() throws IOException {
        QuarantineFolder quarantine = new QuarantineFolder(folder.path());
        Contents contents = quarantine.contents();
        PrintWriter out = spec.commandLine().getOut();
        for (Item item : contents.items()) {
            out.printf("%12d  %s  %s%n", item.sizeBytes(), item.file(), describe(item));
            out.flush();
            if (discard) {
                quarantine.discard(item);
            }
        }
        contents.foreign()
                .forEach(file ->
                        out.printf("%12s  %s  not the log's; it is left alone%n", "-", Text.oneLine("" + file)));
        out.printf(
                "%d files, %d bytes %s%s%n",
                contents.items().size(),
                contents.bytes(),
                discard ? "discarded" : "set aside",
                contents.loss().equals(Loss.NONE) ? "" : "; " + describe(contents.loss()));
        out.flush();
        return ExitCodes.OK;
    }

    private static String describe(Item item) {
        String origin = switch (item.origin()) {
            case Origin.Stretch(String segment, long position) ->
                "damage in segment %s at %d".formatted(segment, position);
            case Origin.Further(String segment, long position) ->
                "further damage up to segment %s at %d, of which there is no copy".formatted(segment, position);
            case Origin.OtherLog other ->
                "segment %s of another log, or of a copy of this one that was written to; none of it is replayed"
                        .formatted(other.segment());
            case Origin.Gap(var first, var last) -> "entries %s to %s, which are in no segment".formatted(first, last);
            case Origin.Write(var sequence) -> "write %s, which did not apply".formatted(sequence);
        };
        if (item.loss().equals(Loss.NONE)) {
            return origin;
        }
        return origin + ": "
                + (item.origin() instanceof Origin.OtherLog
                        ? item.loss().entries() + " entries"
                        : describe(item.loss()));
    }

    private static String describe(Loss loss) {
        return "%d entries lost, %d bytes damaged".formatted(loss.entries(), loss.bytes());
    }
}
