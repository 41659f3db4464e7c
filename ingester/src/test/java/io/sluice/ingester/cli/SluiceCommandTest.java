package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.Version;
import io.sluice.proto.v1.Predicate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// What all commands have in common: help, versions, exit codes and errors of one line.
final class SluiceCommandTest {
    @TempDir
    private Path folder = Path.of("");

    private final List<Socket> bound = new ArrayList<>();

    /// The words of every command, those below others included.
    private static List<List<String>> commands() {
        List<List<String>> all = new ArrayList<>();
        collect(SluiceCommand.create(), List.of(), all);
        return all;
    }

    private static void collect(CommandLine line, List<String> words, List<List<String>> all) {
        all.add(words);
        line.getSubcommands().forEach((name, below) -> {
            List<String> longer = new ArrayList<>(words);
            longer.add(name);
            collect(below, longer, all);
        });
    }

    private static CommandRun run(List<String> words, String option) {
        List<String> arguments = new ArrayList<>(words);
        arguments.add(option);
        return CommandRun.of(arguments.toArray(String[]::new));
    }

    /// An address where nobody listens, and which nobody else gets as long as the test runs.
    private String deadAddress() throws IOException {
        Socket socket = new Socket();
        bound.add(socket);
        socket.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
        return "127.0.0.1:" + socket.getLocalPort();
    }

    @AfterEach
    void letGoOfAddresses() throws IOException {
        for (Socket socket : bound) {
            socket.close();
        }
    }

    @Test
    void theCommandsAreThoseOfTheReadme() {
        assertThat(commands().stream().map(words -> String.join(" ", words)))
                .containsExactlyInAnyOrder(
                        "",
                        "serve",
                        "write",
                        "query",
                        "persist",
                        "namespace",
                        "namespace create",
                        "namespace ls",
                        "namespace show",
                        "status",
                        "reconfigure",
                        "wal",
                        "files",
                        "files verify",
                        "wal ls",
                        "wal verify",
                        "wal dump",
                        "wal quarantine",
                        "gc");
    }

    @Test
    void everyCommandHasHelpWithExamplesThatCallIt() {
        for (List<String> words : commands()) {
            CommandRun run = run(words, "--help");
            String command = ("sluice " + String.join(" ", words)).strip();
            assertThat(run.exitCode()).as(command).isZero();
            assertThat(run.err()).as(command).isEmpty();
            assertThat(run.out()).as(command).contains("Usage: " + command).contains("--help");
            assertThat(run.out().substring(run.out().indexOf("Examples:")))
                    .as(command)
                    .contains("  " + command);
        }
    }

    @Test
    void everyOptionOfEveryCommandIsDescribed() {
        assertOptionsDescribed(SluiceCommand.create());
    }

    private static void assertOptionsDescribed(CommandLine line) {
        assertThat(line.getCommandSpec().options())
                .allSatisfy(option -> assertThat(String.join("", option.description()))
                        .as("%s %s", line.getCommandSpec().qualifiedName(), option.longestName())
                        .isNotBlank());
        line.getSubcommands().values().forEach(SluiceCommandTest::assertOptionsDescribed);
    }

    @Test
    void everyCommandTellsItsVersion() {
        for (List<String> words : commands()) {
            CommandRun run = run(words, "--version");
            assertThat(run.exitCode()).as("%s", words).isZero();
            assertThat(run.out()).as("%s", words).startsWith("sluice " + Version.number());
        }
    }

    @Test
    void anUnknownOptionOfAnyCommandIsNamedInOneLineWithWhereToReadMore() {
        for (List<String> words : commands()) {
            String command = ("sluice " + String.join(" ", words)).strip();
            List<String> complete = new ArrayList<>(words);
            if (words.equals(List.of("write")) || words.equals(List.of("query"))) {
                complete.addAll(List.of("--namespace", "n", "cpu"));
            }
            if (words.equals(List.of("namespace", "create")) || words.equals(List.of("namespace", "show"))) {
                complete.add("n");
            }
            run(complete, "--no-such-thing")
                    .assertFailed(ExitCodes.USAGE, "--no-such-thing", "see " + command + " --help");
        }
    }

    @Test
    void aCommandThatNobodyKnowsIsNamed() {
        CommandRun.of("wirte").assertFailed(ExitCodes.USAGE, "wirte", "write");
    }

    @Test
    void aMissingCommandIsSaidBehindTheUsage() {
        for (String[] command : new String[][] {{}, {"wal"}}) {
            CommandRun run = CommandRun.of(command);
            assertThat(run.exitCode()).isEqualTo(ExitCodes.USAGE);
            assertThat(run.out()).isEmpty();
            assertThat(run.errLines()).first().asString().startsWith("Usage: sluice");
            assertThat(run.errLines()).last().asString().startsWith("sluice: a command is missing");
        }
    }

    @Test
    void aMissingNamespaceIsNamed() {
        CommandRun.of("write", "f.lp").assertFailed(ExitCodes.USAGE, "--namespace");
        CommandRun.of("query", "cpu").assertFailed(ExitCodes.USAGE, "--namespace");
        CommandRun.of("write", "--namespace", "", "f.lp").assertFailed(ExitCodes.USAGE, "--namespace");
    }

    @Test
    void valuesThatMakeNoSenseAreNamedWithWhatIsExpected() {
        String[] write = {"write", "--namespace", "n"};
        for (String[] wrong : new String[][] {
            {"--precision", "weeks", "expected ns, us, ms or s"},
            {"--batch-lines", "0", "expected at least 1"},
            {"--batch-lines", "many", "--batch-lines"},
            {"--in-flight", "65", "expected 1 to 64"},
            {"--server", "8087", "expected HOST:PORT"},
            {"--server", "127.0.0.1:99999", "expected HOST:PORT"},
        }) {
            CommandRun.of(write[0], write[1], write[2], wrong[0], wrong[1], "/dev/null")
                    .assertFailed(ExitCodes.USAGE, wrong[1], wrong[2]);
        }
        CommandRun.of("persist", "--table", "cpu").assertFailed(ExitCodes.USAGE, "'cpu'", "--namespace");
        CommandRun.of("wal", "dump", "--from", "2", "--to", "1").assertFailed(ExitCodes.USAGE, "--from is 2");
        CommandRun.of("serve", "--http-bind", "x").assertFailed(ExitCodes.USAGE, "--http-bind is 'x'", "HOST:PORT");
        CommandRun.of("serve", "--config", folder + "/none.properties")
                .assertFailed(ExitCodes.USAGE, "there is no file", "none.properties");
    }

    @Test
    void aServerThatCannotBeReachedIsNamedInOneLine() throws IOException {
        String address = deadAddress();
        for (String command : new String[] {"status", "persist"}) {
            CommandRun.of(command, "--server", address)
                    .assertFailed(ExitCodes.UNAVAILABLE, "cannot reach the server at " + address);
        }
        Path lines = Files.writeString(folder.resolve("a.lp"), "cpu v=1 1\n");
        CommandRun write = CommandRun.of("write", "--namespace", "n", "--server", address, lines.toString());
        assertThat(write.exitCode()).isEqualTo(ExitCodes.UNAVAILABLE);
        assertThat(write.errLines()).hasSize(3);
        assertThat(write.errLines().getFirst())
                .isEqualTo("sluice: %s line 1, and what follows, may not be written".formatted(lines));
        assertThat(write.errLines().get(1)).contains("0 rows written");
        assertThat(write.errLines().getLast()).startsWith("sluice: cannot reach the server at " + address);
    }

    @Test
    void messagesAreOneLineWithoutControlCharacters() {
        assertThat(Text.oneLine(" a \r\n  b\n\n\u2028c\td\u001b[31m ")).isEqualTo("a b c?d?[31m");
    }

    @Test
    void reasonsNameTheFileAndWhatIsWrongWithIt() {
        assertThat(Text.reason(new AccessDeniedException("/f"))).isEqualTo("no permission for /f");
        assertThat(Text.reason(new FileSystemException("/f", null, "Too many open files")))
                .isEqualTo("/f: Too many open files");
        assertThat(Text.reason(new IOException())).isEqualTo("IOException");
    }

    @Test
    void timesOfAQueryAreReadAndNonsenseIsAnErrorOfUsage() {
        InstantSource clock = InstantSource.fixed(Instant.ofEpochSecond(100_000));
        assertThat(QueryCommand.nanos("--from", "-5", clock)).isEqualTo(-5);
        assertThat(QueryCommand.nanos("--from", "-1h", clock))
                .isEqualTo(Duration.ofSeconds(100_000 - 3_600).toNanos());
        assertThat(QueryCommand.nanos("--from", "1970-01-01T01:00:00.5+01:00", clock))
                .isEqualTo(500_000_000);
        for (String wrong : new String[] {
            "",
            "yesterday",
            "-",
            "-1w",
            "-99999999999999999d",
            "9999-01-01T00:00:00Z",
            "99999999999999999999",
            "2026-11-21"
        }) {
            assertThatThrownBy(() -> QueryCommand.nanos("--from", wrong, clock))
                    .as(wrong)
                    .isInstanceOfSatisfying(
                            CommandFailedException.class,
                            e -> assertThat(e.exitCode()).isEqualTo(ExitCodes.USAGE))
                    .hasMessageStartingWith("--from is '%s': expected RFC 3339".formatted(wrong));
        }
    }

    @Test
    void conditionsOfAQueryEndTheTagAtTheFirstOperator() {
        assertThat(QueryCommand.predicates(List.of(
                        "host=a", "host=b=c", "host!=x", "host=~^w=", "rack!~", "host=", "zone!=a!=b", "a!b=c")))
                .extracting(Predicate::toString)
                .map(text -> text.replaceAll("\\s+", " ").strip())
                .containsExactly(
                        "column: \"host\" in: \"a\" in: \"b=c\" in: \"\"",
                        "column: \"host\" not_equals: \"x\"",
                        "column: \"host\" matches: \"^w=\"",
                        "column: \"rack\" not_matches: \"\"",
                        "column: \"zone\" not_equals: \"a!=b\"",
                        "column: \"a!b\" in: \"c\"");
    }

    @Test
    void whatIsNoConditionLimitOrOrderIsNamed() {
        String[] query = {"query", "--namespace", "n", "cpu"};
        for (String[] wrong : new String[][] {
            {"--where", "host", "--where is 'host': expected TAG=VALUE"},
            {"--where", "=a", "--where is '=a': expected TAG=VALUE"},
            {"--limit", "0", "--limit is 0: expected at least 1"},
            {"--limit", "many", "--limit"},
            {"--order", "tiem", "--order"}
        }) {
            List<String> words = new ArrayList<>(List.of(query));
            words.addAll(List.of(wrong[0], wrong[1]));
            CommandRun.of(words.toArray(String[]::new)).assertFailed(ExitCodes.USAGE, wrong[2]);
        }
    }
}
