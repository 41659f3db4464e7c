package io.sluice.benches;

import io.grpc.ManagedChannel;
import io.sluice.benches.Comparison.Better;
import io.sluice.proto.v1.PersistRequest;
import io.sluice.proto.v1.PersistServiceGrpc;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// What files cost those who write: a server that is written to as fast as it answers and makes files of the rows at
/// the same time, beside one that keeps them in memory for as long, and makes files of them between the windows. Both
/// are on the machine of their client, and share its processors.
final class PersistingIngest {
    static final String RATE = "persist-while-ingest";
    static final String P99 = "persist-while-ingest-p99";

    private static final String PEER = "memory";
    private static final int CONNECTIONS = 4;
    private static final double PERCENTILE = 0.99;
    /// Of a partition: at peak each second brings several of them.
    private static final String[] AT_ONCE = {"--persist-hot-bytes", "32MiB"};
    private static final String[] NEVER = {
        "--persist-hot-bytes", "32GiB", "--persist-max-age", "1h", "--wal-max-bytes", "64GiB"
    };

    private final LineBodies bodies;
    private final Duration warmUp;
    private final int warmUps;
    private final Duration start;
    private final Duration window;
    private final Duration settle;

    /// @param warmUp a stretch of each side's [WarmUp]
    /// @param warmUps such stretches at most
    PersistingIngest(
            LineBodies bodies, Duration warmUp, int warmUps, Duration start, Duration window, Duration settle) {
        this.bodies = bodies;
        this.warmUp = warmUp;
        this.warmUps = warmUps;
        this.start = start;
        this.window = window;
        this.settle = settle;
    }

    /// One of the two, and what was measured of it.
    private static final class Side implements AutoCloseable {
        private final ServerProcess server;
        private final LineBodies bodies;
        private final List<Double> rates = new ArrayList<>();
        private final List<Double> millis = new ArrayList<>();

        Side(ServerProcess server, LineBodies bodies) {
            this.server = server;
            this.bodies = bodies;
        }

        @Override
        public void close() {
            server.close();
        }
    }

    List<Comparison> run(Path directory, int runs) throws IOException, InterruptedException {
        try (Side ours = new Side(ServerProcess.sluice(directory.resolve("persisting"), AT_ONCE), bodies.again());
                Side theirs = new Side(ServerProcess.sluice(directory.resolve(PEER), NEVER), bodies.again())) {
            for (Side side : List.of(ours, theirs)) {
                WarmUp.run(warmUps, () -> {
                    double rowsPerSecond = HttpLoad.atPeak(
                                    side.server.httpPort(), side.bodies, CONNECTIONS, Duration.ZERO, warmUp)
                            .rowsPerSecond();
                    empty(side);
                    return rowsPerSecond;
                });
            }
            for (int run = 0; run < runs; run++) {
                measure(ours, "while files are made");
                measure(theirs, "in memory");
            }
            return List.of(
                    new Comparison("ingest", RATE, "rows/s", Better.HIGHER, ours.rates, PEER, theirs.rates),
                    new Comparison("ingest", P99, "ms", Better.LOWER, ours.millis, PEER, theirs.millis));
        }
    }

    private void measure(Side side, String how) throws IOException, InterruptedException {
        double before = side.server.metric("sluice_persist_rows_total");
        HttpLoad.Measured measured = HttpLoad.atPeak(side.server.httpPort(), side.bodies, CONNECTIONS, start, window);
        double persisted = side.server.metric("sluice_persist_rows_total") - before;
        double millis = Latencies.percentile(measured.latenciesNanos(), PERCENTILE) / 1e6;
        side.rates.add(measured.rowsPerSecond());
        side.millis.add(millis);
        System.err.printf(
                "ingest: %s, %s: %.0f rows/s, p99 %.1f ms; %.0f rows became files meanwhile%n",
                RATE, how, measured.rowsPerSecond(), millis, persisted);
        empty(side);
    }

    /// Makes files of all rows, so that the next window begins as the first one did.
    private void empty(Side side) throws IOException, InterruptedException {
        ManagedChannel channel = GrpcMethods.connect(side.server.grpcPort());
        try {
            var _ = PersistServiceGrpc.newBlockingStub(channel).persist(PersistRequest.getDefaultInstance());
        } finally {
            channel.shutdownNow();
        }
        side.server.settle(settle);
    }
}
