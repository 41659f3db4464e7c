package io.sluice.benches;

import io.sluice.benches.Comparison.Better;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Writes of TSBS's cpu-only use case (10 tags, 10 integer fields), step by step in this process, and through servers
/// that are processes of their own, on the machine of their client.
///
/// - `parse`: line protocol into columns on one thread, beside a plain copy of the lines (`copy`): rows a second.
/// - `decode`: columnar requests into Arrow memory on one thread, beside a plain copy (`memcpy`): MB a second.
/// - `apply`: the ordered stage for a write of 1,000 rows, beside one of 5,000, whose memory is only linked (`linked`).
/// - `http-5000x4`, `http-1000x16`: bodies of so many lines over so many connections, synced before the answer, beside
///   QuestDB that syncs before it answers (`questdb-sync`) and with its defaults (`questdb-nosync`): rows a second.
///   `http-cpu`, `http-memory`: what the servers took meanwhile, of processor time for a million rows, and of memory
///   at most.
/// - `http-p99-at-70`: the 99th percentile from when a body of 1,000 lines was due to its answer, at 70 % of each one's
///   own rate over 16 connections; beside QuestDB that syncs.
/// - `persist-while-ingest`, `persist-while-ingest-p99`: `http-5000x4` while what is written becomes files, beside the
///   same with rows that stay in memory (`memory`): rows a second, and the 99th percentile of answers.
/// - `stream`: writes of 1,000 rows over one gRPC stream, beside our own `http-5000x4` (`http`): rows a second.
///
/// QuestDB is left out, and said to be, when its jar is not there; `benches/run` fetches it.
final class IngestComparison implements Program {
    private static final String BENCH = "ingest";
    private static final String PARSE = "parse";
    private static final String DECODE = "decode";
    private static final String APPLY = "apply";
    private static final String LARGE = "http-5000x4";
    private static final String SMALL = "http-1000x16";
    private static final String CPU = "http-cpu";
    private static final String MEMORY = "http-memory";
    private static final String PACED = "http-p99-at-70";
    private static final String STREAM = "stream";
    private static final String OURS = "ours";
    private static final String QUESTDB_PROPERTY = "sluice.benches.questdb";

    private static final int RUNS = 3;
    private static final int LARGE_LINES = 5_000;
    private static final int LARGE_CONNECTIONS = 4;
    private static final int SMALL_LINES = 1_000;
    private static final int SMALL_CONNECTIONS = 16;
    private static final int STREAM_WRITES = 512;
    private static final int STREAM_IN_FLIGHT = 16;
    private static final double PACE = 0.7;
    private static final double PERCENTILE = 0.99;
    private static final long SEED = 1;

    /// How long things are measured.
    ///
    /// @param step one step of a write, in processor time
    /// @param warmUp a stretch of each server's [WarmUp], with each kind of load
    /// @param warmUps such stretches at most
    /// @param start of each window, uncounted
    /// @param settle the longest wait for what a server does behind its answers
    private record Lengths(
            Duration step, Duration warmUp, int warmUps, Duration start, Duration window, Duration settle) {
        private static final Lengths FULL = new Lengths(
                Duration.ofSeconds(2),
                Duration.ofSeconds(5),
                8,
                Duration.ofMillis(300),
                Duration.ofSeconds(5),
                Duration.ofSeconds(20));
        private static final Lengths QUICK = new Lengths(
                Duration.ofMillis(400),
                Duration.ofMillis(1_200),
                1,
                Duration.ofMillis(100),
                Duration.ofMillis(700),
                Duration.ofMillis(400));
    }

    @Override
    public List<String> cases() {
        return List.of(
                PARSE,
                DECODE,
                APPLY,
                LARGE,
                SMALL,
                CPU,
                MEMORY,
                PACED,
                STREAM,
                PersistingIngest.RATE,
                PersistingIngest.P99);
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        Lengths lengths = options.quick() ? Lengths.QUICK : Lengths.FULL;
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try {
            List<Comparison> comparisons = new ArrayList<>(steps(options, lengths, directory));
            if (List.of(LARGE, SMALL, CPU, MEMORY, PACED, STREAM).stream().anyMatch(options::wants)) {
                comparisons.addAll(servers(options, lengths, directory));
            }
            if (options.wants(PersistingIngest.RATE) || options.wants(PersistingIngest.P99)) {
                PersistingIngest persisting = new PersistingIngest(
                        new LineBodies(SEED, LARGE_LINES),
                        lengths.warmUp(),
                        lengths.warmUps(),
                        lengths.start(),
                        lengths.window(),
                        lengths.settle());
                comparisons.addAll(persisting.run(directory, RUNS).stream()
                        .filter(comparison -> options.wants(comparison.caseName()))
                        .toList());
            }
            return comparisons;
        } finally {
            Parts.delete(directory);
        }
    }

    /// A figure of one run.
    @FunctionalInterface
    private interface Figure {
        double measure() throws IOException, InterruptedException;
    }

    private static List<Comparison> steps(Options options, Lengths lengths, Path directory)
            throws IOException, InterruptedException {
        IngestSteps steps = new IngestSteps(directory, lengths.step());
        List<Comparison> comparisons = new ArrayList<>();
        if (options.wants(PARSE)) {
            comparisons.add(inTurn(PARSE, "rows/s", Better.HIGHER, steps::parse, "copy", steps::copyOfLines));
        }
        if (options.wants(DECODE)) {
            comparisons.add(inTurn(DECODE, "MB/s", Better.HIGHER, steps::decode, "memcpy", steps::memcpy));
        }
        if (options.wants(APPLY)) {
            comparisons.add(inTurn(APPLY, "us", Better.LOWER, steps::apply, "linked", steps::applyLarge));
        }
        return comparisons;
    }

    private static Comparison inTurn(
            String caseName, String unit, Better better, Figure ours, String peer, Figure theirs)
            throws IOException, InterruptedException {
        progress(caseName);
        ours.measure(); // so that the code is compiled
        theirs.measure();
        List<Double> oursAll = new ArrayList<>();
        List<Double> theirsAll = new ArrayList<>();
        for (int run = 0; run < RUNS; run++) {
            oursAll.add(ours.measure());
            theirsAll.add(theirs.measure());
        }
        return new Comparison(BENCH, caseName, unit, better, oursAll, peer, theirsAll);
    }

    /// A server and what is sent to it.
    private record Contestant(ServerProcess server, LineBodies large, LineBodies small) implements AutoCloseable {
        @Override
        public void close() {
            server.close();
        }
    }

    private static List<Comparison> servers(Options options, Lengths lengths, Path directory)
            throws IOException, InterruptedException {
        Map<String, Contestant> contestants = new LinkedHashMap<>();
        LineBodies large = new LineBodies(SEED, LARGE_LINES);
        LineBodies small = new LineBodies(SEED, SMALL_LINES);
        try {
            contestants.put(
                    OURS,
                    new Contestant(ServerProcess.sluice(directory.resolve("sluice")), large.again(), small.again()));
            Optional<Path> jar = Optional.ofNullable(System.getProperty(QUESTDB_PROPERTY))
                    .map(Path::of)
                    .filter(Files::exists);
            if (jar.isPresent()) {
                for (String mode : List.of("sync", "nosync")) {
                    ServerProcess server = ServerProcess.questDb(jar.get(), mode, directory.resolve(mode));
                    contestants.put(server.name(), new Contestant(server, large.again(), small.again()));
                }
            } else {
                progress("no QuestDB: its jar is not there, and its peers are left out");
            }
            return new Session(contestants, options, lengths).run();
        } finally {
            contestants.values().forEach(Contestant::close);
        }
    }

    /// Figures of each contestant, by case.
    private static final class Session {
        private final Map<String, Contestant> contestants;
        private final Options options;
        private final Lengths lengths;
        private final Map<String, Map<String, List<Double>>> figures = new LinkedHashMap<>();

        Session(Map<String, Contestant> contestants, Options options, Lengths lengths) {
            this.contestants = contestants;
            this.options = options;
            this.lengths = lengths;
        }

        List<Comparison> run() throws IOException, InterruptedException {
            if (options.wants(LARGE) || options.wants(STREAM) || options.wants(CPU) || options.wants(MEMORY)) {
                large();
            }
            if (options.wants(SMALL) || options.wants(PACED)) {
                small();
            }
            if (options.wants(STREAM)) {
                stream();
            }
            List<Comparison> comparisons = new ArrayList<>();
            add(comparisons, LARGE, "rows/s", Better.HIGHER);
            add(comparisons, CPU, "s/Mrows", Better.LOWER);
            add(comparisons, MEMORY, "MB", Better.LOWER);
            add(comparisons, SMALL, "rows/s", Better.HIGHER);
            add(comparisons, PACED, "ms", Better.LOWER);
            if (options.wants(STREAM)) {
                comparisons.add(new Comparison(
                        BENCH, STREAM, "rows/s", Better.HIGHER, of(STREAM, OURS), "http", of(LARGE, OURS)));
            }
            return comparisons;
        }

        private void add(List<Comparison> comparisons, String caseName, String unit, Better better) {
            List<Double> ours = of(caseName, OURS);
            if (!options.wants(caseName) || ours.isEmpty()) {
                return;
            }
            figures.getOrDefault(caseName, Map.of()).forEach((peer, theirs) -> {
                if (!peer.equals(OURS)) {
                    comparisons.add(new Comparison(BENCH, caseName, unit, better, ours, peer, theirs));
                }
            });
        }

        private List<Double> of(String caseName, String contestant) {
            return figures.getOrDefault(caseName, Map.of()).getOrDefault(contestant, List.of());
        }

        private void note(String caseName, String contestant, double figure) {
            figures.computeIfAbsent(caseName, _ -> new LinkedHashMap<>())
                    .computeIfAbsent(contestant, _ -> new ArrayList<>())
                    .add(figure);
        }

        private void warmUp(ServerProcess server, LineBodies bodies, int connections)
                throws IOException, InterruptedException {
            WarmUp.run(
                    lengths.warmUps(),
                    () -> HttpLoad.atPeak(server.httpPort(), bodies, connections, Duration.ZERO, lengths.warmUp())
                            .rowsPerSecond());
            server.settle(lengths.settle());
        }

        private void large() throws IOException, InterruptedException {
            for (Contestant one : contestants.values()) {
                warmUp(one.server(), one.large(), LARGE_CONNECTIONS);
            }
            for (int run = 0; run < RUNS; run++) {
                for (Map.Entry<String, Contestant> entry : contestants.entrySet()) {
                    Contestant one = entry.getValue();
                    double cpuBefore = one.server().cpuSeconds();
                    HttpLoad.Measured measured = HttpLoad.atPeak(
                            one.server().httpPort(), one.large(), LARGE_CONNECTIONS, lengths.start(), lengths.window());
                    double share = (double) lengths.window().toNanos()
                            / lengths.start().plus(lengths.window()).toNanos();
                    one.server().settle(lengths.settle()); // what is done behind the answers is counted, too
                    double cpuSeconds = share * (one.server().cpuSeconds() - cpuBefore);
                    double millions =
                            measured.rowsPerSecond() * lengths.window().toNanos() / 1e9 / 1e6;
                    note(LARGE, entry.getKey(), measured.rowsPerSecond());
                    note(CPU, entry.getKey(), cpuSeconds / millions);
                    note(MEMORY, entry.getKey(), one.server().peakMemoryBytes() / 1e6);
                    progress("%s, %s: %.0f rows/s, %.2f s of processor time for a million rows, p99 %.1f ms"
                            .formatted(
                                    LARGE,
                                    entry.getKey(),
                                    measured.rowsPerSecond(),
                                    cpuSeconds / millions,
                                    Latencies.percentile(measured.latenciesNanos(), PERCENTILE) / 1e6));
                }
            }
        }

        private void small() throws IOException, InterruptedException {
            for (Contestant one : contestants.values()) {
                warmUp(one.server(), one.small(), SMALL_CONNECTIONS);
            }
            for (int run = 0; run < RUNS; run++) {
                for (Map.Entry<String, Contestant> entry : contestants.entrySet()) {
                    Contestant one = entry.getValue();
                    double peak = HttpLoad.atPeak(
                                    one.server().httpPort(),
                                    one.small(),
                                    SMALL_CONNECTIONS,
                                    lengths.start(),
                                    lengths.window())
                            .rowsPerSecond();
                    note(SMALL, entry.getKey(), peak);
                    progress("%s, %s: %.0f rows/s".formatted(SMALL, entry.getKey(), peak));
                    one.server().settle(lengths.settle());
                    if (options.wants(PACED) && !entry.getKey().endsWith("nosync")) {
                        long[] nanos = HttpLoad.paced(
                                        one.server().httpPort(),
                                        one.small(),
                                        SMALL_CONNECTIONS,
                                        PACE * peak,
                                        lengths.start(),
                                        lengths.window())
                                .latenciesNanos();
                        note(PACED, entry.getKey(), Latencies.percentile(nanos, PERCENTILE) / 1e6);
                        progress("%s, %s: p50 %.1f ms, p99 %.1f ms"
                                .formatted(
                                        PACED,
                                        entry.getKey(),
                                        Latencies.percentile(nanos, 0.5) / 1e6,
                                        Latencies.percentile(nanos, PERCENTILE) / 1e6));
                        one.server().settle(lengths.settle());
                    }
                }
            }
        }

        private void stream() throws IOException, InterruptedException {
            CpuTicks ticks = new CpuTicks(SEED);
            List<byte[]> writes = new ArrayList<>();
            for (int i = 0; i < STREAM_WRITES; i++) {
                writes.add(ticks.next(SMALL_LINES).toByteArray());
            }
            ServerProcess ours = Objects.requireNonNull(contestants.get(OURS)).server();
            try (StreamWriter writer = new StreamWriter(ours.grpcPort())) {
                WarmUp.run(
                        lengths.warmUps(),
                        () -> GrpcLoad.perSecond(writer, writes, STREAM_IN_FLIGHT, Duration.ZERO, lengths.warmUp()));
                for (int run = 0; run < RUNS; run++) {
                    ours.settle(lengths.settle());
                    double rows = SMALL_LINES
                            * GrpcLoad.perSecond(writer, writes, STREAM_IN_FLIGHT, lengths.start(), lengths.window());
                    note(STREAM, OURS, rows);
                    progress("%s: %.0f rows/s".formatted(STREAM, rows));
                }
            }
        }
    }
}
