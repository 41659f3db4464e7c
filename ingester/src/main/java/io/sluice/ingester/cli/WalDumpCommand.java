package io.sluice.ingester.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.lineprotocol.TableLines;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.wal.WalInspector.EntryInfo;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice wal dump`: the entries, in short, in full, or as lines that can be written again.
@Command(
        name = "dump",
        description = {
            "Prints the entries of the log, one a line.",
            "As text: number, place, namespace, tables and rows. As json: all of it. As lp: every row as a line of",
            "line protocol, which sluice write takes back; exit code 1 if there are rows that lines cannot hold."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice wal dump --from 1 --to 10",
            "  sluice wal dump --format json",
            "  sluice wal dump --format lp --namespace metrics | sluice write --namespace metrics --in-flight 1",
        })
final class WalDumpCommand implements Callable<Integer> {
    /// How often to look whether anybody still reads: looking flushes.
    private static final int ENTRIES_PER_CHECK = 100;
    /// How many entries that cannot be printed as lines are told of one by one.
    private static final int MAX_TOLD = 20;

    private static final int FLUSH_CHARS = 1 << 16;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private WalFolder folder = new WalFolder();

    /// What is printed of an entry.
    enum Format {
        TEXT,
        JSON,
        LP
    }

    @Option(names = "--format", paramLabel = "text|json|lp", description = "What to print (default: text)")
    private Format format = Format.TEXT;

    @Option(
            names = "--namespace",
            paramLabel = "N",
            description = {"Only writes to this namespace.", "Needed for lp if the log holds writes to several."})
    private String namespace = "";

    @Option(names = "--from", paramLabel = "SEQ", description = "First sequence number (default: ${DEFAULT-VALUE})")
    private long from = 1;

    @Option(names = "--to", paramLabel = "SEQ", description = "Last sequence number (default: the last)")
    private long to = Long.MAX_VALUE;

    private final ObjectMapper mapper = new ObjectMapper();
    private final JsonFormat.Printer messages = JsonFormat.printer().omittingInsignificantWhitespace();
    private long printed;
    private long rowsLeftOut;
    private long entriesLeftOut;
    private long told;
    private Optional<String> onlyNamespace = Optional.empty();

    @Override
    public Integer call() throws IOException {
        if (from > to) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--from is %d and --to %d: expected the first no greater".formatted(from, to));
        }
        PrintWriter out = spec.commandLine().getOut();
        try {
            folder.inspector().entries(from, to, entry -> print(entry, out));
        } finally {
            out.flush();
        }
        if (rowsLeftOut + entriesLeftOut > 0) {
            throw new CommandFailedException(
                    ExitCodes.PARTIAL,
                    "%d rows and %d entries were left out, as line protocol cannot hold them; --format json has all"
                            .formatted(rowsLeftOut, entriesLeftOut));
        }
        return ExitCodes.OK;
    }

    private void print(EntryInfo entry, PrintWriter out) {
        if (++printed % ENTRIES_PER_CHECK == 0 && out.checkError()) {
            throw new OutputClosedException();
        }
        switch (format) {
            case TEXT -> printText(entry, out);
            case JSON -> printJson(entry, out);
            case LP -> printLines(entry, out);
        }
    }

    private boolean isWanted(String found) {
        return namespace.isEmpty() || namespace.equals(found);
    }

    private void printText(EntryInfo entry, PrintWriter out) {
        String content;
        try {
            WriteRequest write = WriteRequest.parseFrom(entry.payload());
            if (!isWanted(write.getNamespace())) {
                return;
            }
            content = "%s: %s"
                    .formatted(
                            write.getNamespace(),
                            write.getTablesList().stream()
                                    .map(WalDumpCommand::describe)
                                    .collect(Collectors.joining(", ")));
        } catch (InvalidProtocolBufferException e) {
            content = "not a write: " + e.getMessage();
        }
        out.write("%d  segment %d at %d, %d bytes  %s\n"
                .formatted(
                        entry.sequence(),
                        entry.segmentId(),
                        entry.position(),
                        entry.payload().length,
                        Text.oneLine(content)));
    }

    private static String describe(TableBatch table) {
        return "%s (%d rows, %d columns)".formatted(table.getTable(), table.getRowCount(), table.getColumnsCount());
    }

    private void printJson(EntryInfo entry, PrintWriter out) {
        String content;
        try {
            WriteRequest write = WriteRequest.parseFrom(entry.payload());
            if (!isWanted(write.getNamespace())) {
                return;
            }
            content = "\"write\":" + messages.print(write);
        } catch (InvalidProtocolBufferException e) {
            content = "\"not_a_write\":%s,\"payload_base64\":%s"
                    .formatted(
                            quoted(String.valueOf(e.getMessage())),
                            quoted(Base64.getEncoder().encodeToString(entry.payload())));
        }
        out.write("{\"sequence\":%d,\"segment\":%d,\"position\":%d,\"bytes\":%d,%s}\n"
                .formatted(entry.sequence(), entry.segmentId(), entry.position(), entry.payload().length, content));
    }

    private String quoted(String text) {
        try {
            return mapper.writeValueAsString(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private void printLines(EntryInfo entry, PrintWriter out) {
        DecodedWrite write;
        try {
            write = WriteDecoder.decode(entry.payload());
        } catch (InvalidWriteException e) {
            entriesLeftOut++;
            tell("write %d: %s".formatted(entry.sequence(), e.getMessage()));
            return;
        }
        String found = write.namespace().value();
        if (!isWanted(found)) {
            return;
        }
        // Lines do not tell of namespaces: written again, all would be in one.
        if (onlyNamespace.isPresent() && !onlyNamespace.get().equals(found)) {
            throw new CommandFailedException(
                    ExitCodes.USAGE,
                    "the log holds writes to namespace '%s' and, from %d on, to '%s': choose one with --namespace"
                            .formatted(onlyNamespace.get(), entry.sequence(), found));
        }
        onlyNamespace = Optional.of(found);
        StringBuilder lines = new StringBuilder();
        for (DecodedTable table : write.tables()) {
            printRows(entry.sequence(), table, lines, out);
        }
        out.append(lines);
    }

    private void printRows(long sequence, DecodedTable table, StringBuilder lines, PrintWriter out) {
        TableLines rows = new TableLines(table);
        for (int row = 0; row < rows.rowCount(); row++) {
            Optional<String> problem = rows.append(row, lines);
            if (problem.isPresent()) {
                rowsLeftOut++;
                tell("write %d, table '%s', row %d: %s".formatted(sequence, table.table(), row, problem.get()));
            }
            if (lines.length() >= FLUSH_CHARS) {
                out.append(lines);
                lines.setLength(0);
            }
        }
    }

    private void tell(String leftOut) {
        PrintWriter err = spec.commandLine().getErr();
        told++;
        if (told <= MAX_TOLD) {
            err.println("sluice: left out: " + Text.oneLine(leftOut));
        } else if (told == MAX_TOLD + 1) {
            err.println("sluice: left out: more");
        }
        err.flush();
    }
}
