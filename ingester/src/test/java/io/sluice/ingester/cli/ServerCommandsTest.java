package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// `persist` and `status` against a server.
final class ServerCommandsTest {
    private final TestServer server;

    ServerCommandsTest() throws Exception {
        server = TestServer.start();
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    @Test
    void persistTellsWhatBecameFiles() {
        CommandRun run = CommandRun.of("persist", "--server", server.address());
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out()).isEqualTo("30 rows of 2 partitions in 3 files%n".formatted());
        assertThat(server.persistAsked()).isEqualTo("Optional.empty Optional.empty");
    }

    @Test
    void persistAsksForTheNamespaceAndTableOnly() {
        CommandRun run = CommandRun.of("persist", "--server", server.address(), "--namespace", "n", "--table", "cpu");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(server.persistAsked()).isEqualTo("Optional[n] Optional[cpu]");
    }

    @Test
    void whatTheServerRefusesIsSaidInOneLine() {
        CommandRun.of("persist", "--server", server.address(), "--namespace", "n".repeat(300))
                .assertFailed(ExitCodes.PARTIAL, "INVALID_ARGUMENT");
        assertThat(server.persistAsked()).isEmpty();
    }

    @Test
    void statusIsAPage() {
        server.setStatus("""
                {"state": "running", "version": "1.2.3", "ingester": "i", "not_ready": ["replay"],
                 "log": {"bytes": 3145728, "directory": "/wal", "state": "RUNNING"}}
                """);
        CommandRun run = CommandRun.of("status", "--server", server.address());
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines())
                .startsWith("sluice 1.2.3  running  ingester i", "! replay", "")
                .contains("log  /wal", "  size           3.0 MiB");
    }

    @Test
    void whatAWatchCannotDoIsSaidBeforeItBegins() {
        CommandRun.of("status", "--server", server.address(), "--watch", "0")
                .assertFailed(ExitCodes.USAGE, "--watch is 0: expected 1 to 3600 seconds");
        CommandRun.of("status", "--server", server.address(), "--watch", "--json")
                .assertFailed(ExitCodes.USAGE, "--watch and --json");
        CommandRun.of("status", "--server", "nowhere", "--watch")
                .assertFailed(ExitCodes.USAGE, "--server is 'nowhere'");
    }

    @Test
    void statusAsJsonIsTheDocumentAsItIs() {
        server.setStatus("{\"a\" : 1}");
        assertThat(CommandRun.of("status", "--json", "--server", server.address())
                        .out()
                        .strip())
                .isEqualTo("{\"a\" : 1}");
    }

    @Test
    void aStatusThatIsNoDocumentIsAnErrorOfOneLine() {
        for (String wrong : new String[] {"", "[]", "7", "{\"a\":\n", "not\nJSON"}) {
            server.setStatus(wrong);
            CommandRun.of("status", "--server", server.address())
                    .assertFailed(ExitCodes.PARTIAL, "the server's status is no JSON");
        }
    }
}
