package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.grpc.AdminServiceDoor;
import io.sluice.ingester.settings.LiveSettings;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// `reconfigure` against the real door and the real settings.
final class ReconfigureCommandTest {
    private static final long ARBITRARY_MEMORY = 128L << 30;

    private final LiveSettings live;
    private final Server server;
    private final List<Integer> slots = new ArrayList<>();

    ReconfigureCommandTest() throws Exception {
        live = new LiveSettings(
                ServeSettings.resolve(
                        Map.of(Setting.PERSIST_MEMORY, "3GiB"), Map.of(), Optional.empty(), ARBITRARY_MEMORY),
                () -> Instant.parse("2026-01-02T03:04:05Z"),
                new SimpleMeterRegistry());
        live.onChange(now -> slots.add(now.persist().gate().slots()), Setting.PERSIST_CONCURRENCY);
        server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .directExecutor()
                .addService(new AdminServiceDoor(live))
                .build()
                .start();
    }

    @AfterEach
    void stop() throws Exception {
        server.shutdownNow().awaitTermination();
    }

    private CommandRun run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("reconfigure", "--server", "127.0.0.1:" + server.getPort()));
        all.addAll(List.of(arguments));
        return CommandRun.of(all.toArray(String[]::new));
    }

    @Test
    void aChangeIsToldWithOldAndNewValueAndIsInForce() {
        CommandRun run = run("persist-concurrency=8", "persist-memory=1GiB");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).containsExactly("persist-concurrency: 4 -> 8", "persist-memory: 3GiB -> 1GiB");
        assertThat(slots).containsExactly(8);
        assertThat(live.current().persist().gate().memoryBytes()).isEqualTo(1L << 30);
    }

    @Test
    void aDryRunTellsTheSameAndChangesNothing() {
        CommandRun run = run("--dry-run", "persist-concurrency=8");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).containsExactly("persist-concurrency: 4 -> 8", "nothing was changed: a dry run");
        assertThat(slots).isEmpty();
        assertThat(live.current().persist().gate().slots()).isEqualTo(4);
    }

    @Test
    void whatIsInForceAlreadyIsSaid() {
        assertThat(run("persist-concurrency=4").outLines())
                .containsExactly("nothing changes: the server has these values already");
    }

    @Test
    void aMistakeIsOneLineExitCode2AndNothingIsChanged() {
        run("persist-concurrency=8", "persist-memory=x")
                .assertFailed(ExitCodes.USAGE, "persist-memory is 'x': expected", "nothing was changed");
        run("wal-dir=/x").assertFailed(ExitCodes.USAGE, "'wal-dir'", "a restart is needed");
        run("no-such=1").assertFailed(ExitCodes.USAGE, "'no-such' is no setting");
        run("persist-concurrency").assertFailed(ExitCodes.USAGE, "'persist-concurrency': expected KEY=VALUE");
        run("=8").assertFailed(ExitCodes.USAGE, "'=8': expected KEY=VALUE");
        assertThat(slots).isEmpty();
    }

    @Test
    void withoutValuesItListsWhatCanBeChanged() {
        assertThat(run("persist-concurrency=8").exitCode()).isZero();
        CommandRun run = run();
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines().getFirst()).matches("setting +value +default +from");
        assertThat(run.outLines())
                .anyMatch(
                        line -> line.matches("persist-concurrency +8 +4 +sluice reconfigure, at 2026-01-02T03:04:05Z"))
                .anyMatch(line -> line.matches("persist-memory +3GiB +2GiB +option"))
                .noneMatch(line -> line.startsWith("wal-dir"));
        assertThat(run("--all").outLines()).anyMatch(line -> line.matches("wal-dir +/.*/sluice-data/wal +- +default"));
    }
}
