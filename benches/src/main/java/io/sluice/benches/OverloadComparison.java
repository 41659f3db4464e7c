package io.sluice.benches;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.sluice.benches.Comparison.Better;
import io.sluice.benches.OverloadLoad.Measured;
import io.sluice.proto.v1.CatalogPartition;
import io.sluice.proto.v1.CatalogServiceGrpc;
import io.sluice.proto.v1.ListPartitionsRequest;
import io.sluice.proto.v1.ListPartitionsResponse;
import io.sluice.proto.v1.PersistRequest;
import io.sluice.proto.v1.PersistServiceGrpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// More than the server can take: line protocol of TSBS's cpu-only use case, bodies of 1,000 lines, over HTTP, from 200
/// connections that offer three times the rate at which 16 connections were answered. The server is a process of its
/// own with its defaults, on the machine of its clients, and has been written to, queried and overloaded before, until
/// that got no faster ([WarmUp]).
///
/// With `honest` clients, which come back when they are told, and with `rude` ones, which half of the clients are and
/// which never wait:
///
/// - `honest-goodput`, `rude-goodput`: rows a second that are taken, beside that rate (`peak`), which is measured right
///   before and right behind, as a machine that is shared may change meanwhile: the mean of the two.
/// - `honest-p99`, `rude-p99`: 99th percentile of the answers to what is taken, beside the same 200 connections at 70 %
///   of the peak (`load70`).
/// - `honest-query`, `rude-query`: the longest wait for the first batch of a query of one host, one each second,
///   beside the same without any writes (`idle`).
/// - `memory`: the process's greatest resident memory in all of this, beside `--memory` (`limit`).
///
/// The run fails if any error comes without a hint when to come back, or if a row that was acknowledged is missing or
/// double in the files afterwards.
final class OverloadComparison implements Program {
    private static final String BENCH = "overload";
    private static final String MEMORY = "memory";
    private static final String GOODPUT = "-goodput";
    private static final String P99 = "-p99";
    private static final String QUERY = "-query";
    private static final long MEMORY_BYTES = 3L << 30;

    private static final int RUNS = 3;
    private static final int LINES = 1_000;
    private static final int PEAK_CONNECTIONS = 16;
    private static final int CONNECTIONS = 200;
    private static final double OVERLOAD = 3;
    private static final double LOAD = 0.7;
    private static final double PERCENTILE = 0.99;
    private static final long SEED = 1;
    private static final int SHOWN_ERRORS = 5;
    private static final String NAMESPACE = "bench";

    /// Kinds of clients, and how many of the connections are rude.
    private static final Map<String, Integer> RUDE = rude();

    private static Map<String, Integer> rude() {
        Map<String, Integer> rude = new LinkedHashMap<>();
        rude.put("honest", 0);
        rude.put("rude", CONNECTIONS / 2);
        return rude;
    }

    /// How long things are measured.
    ///
    /// @param warmUp a stretch of the server's [WarmUp]
    /// @param warmUps such stretches at most
    /// @param settle the longest wait for what the server does behind its answers
    private record Lengths(
            Duration warmUp, int warmUps, Duration start, Duration window, Duration overload, Duration settle) {
        private static final Lengths FULL = new Lengths(
                Duration.ofSeconds(5),
                8,
                Duration.ofSeconds(1),
                Duration.ofSeconds(10),
                Duration.ofMinutes(2),
                Duration.ofSeconds(20));
        private static final Lengths QUICK = new Lengths(
                Duration.ofSeconds(3),
                1,
                Duration.ofMillis(200),
                Duration.ofMillis(1_500),
                Duration.ofSeconds(3),
                Duration.ofSeconds(1));
    }

    @Override
    public List<String> cases() {
        List<String> cases = new ArrayList<>();
        RUDE.keySet().forEach(clients -> cases.addAll(List.of(clients + GOODPUT, clients + P99, clients + QUERY)));
        cases.add(MEMORY);
        return cases;
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try (ServerProcess server =
                ServerProcess.sluice(directory.resolve("sluice"), "--memory", Long.toString(MEMORY_BYTES))) {
            return new Session(server, options, options.quick() ? Lengths.QUICK : Lengths.FULL).run();
        } finally {
            Parts.delete(directory);
        }
    }

    private static final class Session {
        private final ServerProcess server;
        private final Options options;
        private final Lengths lengths;
        private final LineBodies bodies = new LineBodies(SEED, LINES);
        private final Map<String, List<Double>> ours = new LinkedHashMap<>();
        private final Map<String, List<Double>> theirs = new LinkedHashMap<>();
        private long takenBodies;

        Session(ServerProcess server, Options options, Lengths lengths) {
            this.server = server;
            this.options = options;
            this.lengths = lengths;
        }

        List<Comparison> run() throws IOException, InterruptedException {
            WarmUp.run(
                    lengths.warmUps(),
                    () -> load(PEAK_CONNECTIONS, 0, unlimited(), lengths.warmUp())
                            .rowsPerSecond());
            WarmUp.run(lengths.warmUps(), () -> FirstBatches.perSecond(server.grpcPort(), lengths.warmUp()));
            WarmUp.run(
                    lengths.warmUps(),
                    () -> load(CONNECTIONS, CONNECTIONS / 2, unlimited(), lengths.warmUp())
                            .rowsPerSecond());
            for (int run = 0; run < RUNS; run++) {
                double peak = peak();
                server.settle(lengths.settle());
                double calmMillis = p99(load(CONNECTIONS, 0, LOAD * peak, lengths.window()));
                progress("peak %.0f rows/s; at 70 %%: p99 %.1f ms".formatted(peak, calmMillis));
                for (Map.Entry<String, Integer> clients : RUDE.entrySet()) {
                    if (cases(clients.getKey()).stream().anyMatch(options::wants) || options.wants(MEMORY)) {
                        peak = overload(clients.getKey(), clients.getValue(), peak, calmMillis);
                    }
                }
                note(MEMORY, server.peakMemoryBytes() / 1e6, MEMORY_BYTES / 1e6);
            }
            requireAllRows();
            List<Comparison> comparisons = new ArrayList<>();
            RUDE.keySet().forEach(clients -> {
                add(comparisons, clients + GOODPUT, "rows/s", Better.HIGHER, "peak");
                add(comparisons, clients + P99, "ms", Better.LOWER, "load70");
                add(comparisons, clients + QUERY, "ms", Better.LOWER, "idle");
            });
            add(comparisons, MEMORY, "MB", Better.LOWER, "limit");
            return comparisons;
        }

        private static List<String> cases(String clients) {
            return List.of(clients + GOODPUT, clients + P99, clients + QUERY);
        }

        private double peak() throws IOException, InterruptedException {
            server.settle(lengths.settle());
            return load(PEAK_CONNECTIONS, 0, unlimited(), lengths.window()).rowsPerSecond();
        }

        /// More than anything takes.
        private static double unlimited() {
            return 1e9;
        }

        private static double p99(Measured measured) {
            return Latencies.percentile(measured.latenciesNanos(), PERCENTILE) / 1e6;
        }

        private void add(List<Comparison> comparisons, String caseName, String unit, Better better, String peer) {
            if (options.wants(caseName) && ours.containsKey(caseName)) {
                comparisons.add(new Comparison(
                        BENCH,
                        caseName,
                        unit,
                        better,
                        ours.getOrDefault(caseName, List.of()),
                        peer,
                        theirs.getOrDefault(caseName, List.of())));
            }
        }

        private void note(String caseName, double our, double their) {
            ours.computeIfAbsent(caseName, _ -> new ArrayList<>()).add(our);
            theirs.computeIfAbsent(caseName, _ -> new ArrayList<>()).add(their);
        }

        private Measured load(int connections, int rude, double rowsPerSecond, Duration window)
                throws IOException, InterruptedException {
            Measured measured = OverloadLoad.run(
                    server.httpPort(), bodies, connections, rude, rowsPerSecond, lengths.start(), window);
            takenBodies += measured.takenBodies();
            if (!measured.withoutHint().isEmpty()) {
                throw new IOException("%d errors without a hint when to come back, among them %s"
                        .formatted(
                                measured.withoutHint().size(),
                                measured.withoutHint().stream()
                                        .limit(SHOWN_ERRORS)
                                        .toList()));
            }
            return measured;
        }

        /// @param peakBefore rows a second, measured before
        /// @return the same, measured behind
        private double overload(String clients, int rude, double peakBefore, double calmMillis)
                throws IOException, InterruptedException {
            server.settle(lengths.settle());
            double idleMillis;
            try (FirstBatches queries = FirstBatches.ask(server.grpcPort())) {
                idleMillis = queries.longestMillis(lengths.window());
            }
            Measured measured;
            double busyMillis;
            try (FirstBatches queries = FirstBatches.ask(server.grpcPort())) {
                measured = load(CONNECTIONS, rude, OVERLOAD * peakBefore, lengths.overload());
                busyMillis = queries.longestMillis(Duration.ZERO);
            }
            double peakBehind = peak();
            double peak = (peakBefore + peakBehind) / 2;
            note(clients + GOODPUT, measured.rowsPerSecond(), peak);
            note(clients + P99, p99(measured), calmMillis);
            note(clients + QUERY, busyMillis, idleMillis);
            progress(
                    "%s: %.0f rows/s, %.2f of the peak, %.0f rows/s before and %.0f behind; p99 %.1f ms; %d refusals; first batch at most %.1f ms; memory %.0f MB"
                            .formatted(
                                    clients,
                                    measured.rowsPerSecond(),
                                    measured.rowsPerSecond() / peak,
                                    peakBefore,
                                    peakBehind,
                                    p99(measured),
                                    measured.refusals(),
                                    busyMillis,
                                    server.peakMemoryBytes() / 1e6));
            return peakBehind;
        }

        /// Each row has a key of its own, so that none is merged with another.
        private void requireAllRows() throws IOException, InterruptedException {
            ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.grpcPort())
                    .usePlaintext()
                    .build();
            try {
                var _ = PersistServiceGrpc.newBlockingStub(channel)
                        .persist(PersistRequest.newBuilder()
                                .setNamespace(NAMESPACE)
                                .build());
                long rows = 0;
                String after = "";
                do {
                    ListPartitionsResponse page = CatalogServiceGrpc.newBlockingStub(channel)
                            .listPartitions(ListPartitionsRequest.newBuilder()
                                    .setNamespace(NAMESPACE)
                                    .setTable("cpu")
                                    .setAfter(after)
                                    .build());
                    rows += page.getPartitionsList().stream()
                            .mapToLong(CatalogPartition::getRowCount)
                            .sum();
                    after = page.getNextAfter();
                } while (!after.isEmpty());
                if (rows != takenBodies * LINES) {
                    throw new IOException(
                            "%d rows were acknowledged, and files have %d".formatted(takenBodies * LINES, rows));
                }
                progress("all %d rows that were acknowledged are in files, once".formatted(rows));
            } finally {
                channel.shutdownNow();
            }
        }
    }
}
