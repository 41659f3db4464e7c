package io.sluice.ingester.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sluice.proto.v1.StatusRequest;
import io.sluice.proto.v1.StatusServiceGrpc;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sluice status`.
@Command(
        name = "status",
        description = "Shows what the server is doing.",
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  sluice status", "  sluice status --json --server ingester-1:8087"})
final class StatusCommand implements Callable<Integer> {
    private static final long DEADLINE_SECONDS = 10;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ServerOption server = new ServerOption();

    @Option(names = "--json", description = "The document as it is")
    private boolean json;

    @Override
    public Integer call() {
        String text = server.call(channel -> StatusServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                .status(StatusRequest.getDefaultInstance())
                .getJson());
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(text);
        } else {
            print(document(text), "", out);
        }
        out.flush();
        return ExitCodes.OK;
    }

    private static JsonNode document(String text) {
        try {
            JsonNode document = new ObjectMapper().readTree(text);
            if (document.isObject()) {
                return document;
            }
        } catch (JsonProcessingException e) {
            throw new CommandFailedException(
                    ExitCodes.PARTIAL, "the server's status is no JSON: " + e.getOriginalMessage());
        }
        throw new CommandFailedException(ExitCodes.PARTIAL, "the server's status is no JSON object");
    }

    /// One line a value, one heading an object, whatever the server has to tell.
    private static void print(JsonNode object, String indent, PrintWriter out) {
        for (Map.Entry<String, JsonNode> entry : object.properties()) {
            String name = entry.getKey().replace('_', ' ');
            JsonNode value = entry.getValue();
            if (value.isObject()) {
                out.println(indent + name);
                print(value, indent + "  ", out);
            } else if (value.isArray()) {
                printArray(name, value, indent, out);
            } else {
                out.printf("%s%-18s %s%n", indent, name, text(entry.getKey(), value));
            }
        }
    }

    private static void printArray(String name, JsonNode array, String indent, PrintWriter out) {
        out.printf("%s%-18s %s%n", indent, name, array.isEmpty() ? "none" : "");
        for (JsonNode item : array) {
            if (item.isObject()) {
                print(item, indent + "    ", out);
                out.println();
            } else {
                out.println(indent + "    " + item.asText());
            }
        }
    }

    private static String text(String key, JsonNode value) {
        if (key.endsWith("bytes") && value.isIntegralNumber()) {
            return Units.bytes(value.asLong());
        }
        return value.isIntegralNumber() ? String.format(Locale.ROOT, "%,d", value.asLong()) : value.asText();
    }
}
