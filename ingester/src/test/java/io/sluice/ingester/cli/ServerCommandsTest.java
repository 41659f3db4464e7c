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
    void statusShowsEveryValueOfTheDocument() {
        server.setStatus("""
                {"state": "ready", "stable_sequence": 1234567, "refusing": [], "not_ready": ["replay"],
                 "log": {"bytes": 3145728, "durable": true}, "last_errors": [{"where": "wal", "message": "no room"}]}
                """);
        CommandRun run = CommandRun.of("status", "--server", server.address());
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines().stream().map(String::stripTrailing))
                .containsExactly(
                        "state              ready",
                        "stable sequence    1,234,567",
                        "refusing           none",
                        "not ready",
                        "    replay",
                        "log",
                        "  bytes              3.0 MiB",
                        "  durable            true",
                        "last errors",
                        "    where              wal",
                        "    message            no room",
                        "");
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
