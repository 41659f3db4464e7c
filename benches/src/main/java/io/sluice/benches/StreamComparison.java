package io.sluice.benches;

import io.sluice.benches.Comparison.Better;
import io.sluice.benches.GrpcLoad.Paced;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/// Writes of about 1 KiB over gRPC on loopback, acknowledged when they are durable and applied: one stream next to as
/// many unary calls (`unary`), and next to a stream to a server that does nothing (`empty`), which is what gRPC and the
/// doors cost. Client and server share the process; a client with many in flight writes once for each ack.
///
/// `inflightN`: N writes in flight. `p99-at-70`: the 99th percentile from when a write was due to its ack, at 70 % of
/// each one's own rate with 64 in flight.
final class StreamComparison implements Program {
    private static final String BENCH = "stream";
    private static final String PACED = "p99-at-70";
    private static final double PACE = 0.7;
    private static final double PERCENTILE = 0.99;
    private static final int PEAK_IN_FLIGHT = 64;
    private static final List<Integer> IN_FLIGHT = List.of(1, 16, PEAK_IN_FLIGHT);
    private static final int RUNS = 3;
    private static final int WRITE_BYTES = 1 << 10;
    private static final int DIFFERENT = 1_024;
    private static final long SEED = 1;
    private static final long LIMIT_BYTES = 1L << 30;

    /// Who writes.
    private enum Contestant {
        OURS,
        UNARY,
        EMPTY;

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// How long windows are.
    ///
    /// @param warmUp a stretch of each contestant's [WarmUp]
    /// @param warmUps such stretches at most
    /// @param start of each window, uncounted
    private record Lengths(Duration warmUp, int warmUps, Duration start, Duration window) {
        private static final Lengths FULL =
                new Lengths(Duration.ofSeconds(5), 8, Duration.ofMillis(300), Duration.ofSeconds(5));
        private static final Lengths QUICK =
                new Lengths(Duration.ofMillis(1_500), 1, Duration.ofMillis(100), Duration.ofMillis(900));
    }

    @Override
    public List<String> cases() {
        return Stream.concat(IN_FLIGHT.stream().map(StreamComparison::caseName), Stream.of(PACED))
                .toList();
    }

    private static String caseName(int inFlight) {
        return "inflight" + inFlight;
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try (BoundedParts parts = new BoundedParts(Parts.walSettings(directory), directory, LIMIT_BYTES);
                WriteServer real = new WriteServer(parts.start());
                WriteServer empty = new WriteServer(new EmptyWrites());
                Writers writers = new Writers(real.port(), empty.port())) {
            return compare(writers.byContestant(), options);
        } finally {
            Parts.delete(directory);
        }
    }

    private static List<Comparison> compare(Map<Contestant, GrpcWriter> writers, Options options)
            throws IOException, InterruptedException {
        Lengths lengths = options.quick() ? Lengths.QUICK : Lengths.FULL;
        List<byte[]> payloads = payloads();
        for (GrpcWriter writer : writers.values()) {
            WarmUp.run(
                    lengths.warmUps(),
                    () -> GrpcLoad.perSecond(writer, payloads, PEAK_IN_FLIGHT, Duration.ZERO, lengths.warmUp()));
        }
        List<Comparison> comparisons = new ArrayList<>();
        for (int inFlight : IN_FLIGHT) {
            if (options.wants(caseName(inFlight))) {
                progress(caseName(inFlight));
                Map<Contestant, List<Double>> rates = new EnumMap<>(Contestant.class);
                for (int run = 0; run < RUNS; run++) {
                    for (Map.Entry<Contestant, GrpcWriter> one : writers.entrySet()) {
                        rates.computeIfAbsent(one.getKey(), _ -> new ArrayList<>())
                                .add(GrpcLoad.perSecond(
                                        one.getValue(), payloads, inFlight, lengths.start(), lengths.window()));
                    }
                }
                comparisons.addAll(compare(caseName(inFlight), "writes/s", Better.HIGHER, rates));
            }
        }
        if (options.wants(PACED)) {
            progress(PACED);
            comparisons.addAll(compare(PACED, "us", Better.LOWER, latencies(writers, payloads, lengths)));
        }
        return comparisons;
    }

    /// Writes of TSBS's cpu use case that come as close to the length as whole rows allow.
    private static List<byte[]> payloads() {
        CpuWrites writes = new CpuWrites(SEED);
        int rows = 1;
        while (writes.next(rows + 1).length <= WRITE_BYTES) {
            rows++;
        }
        List<byte[]> payloads = new ArrayList<>();
        for (int i = 0; i < DIFFERENT; i++) {
            payloads.add(writes.next(rows));
        }
        progress("writes of %d rows, %d bytes".formatted(rows, payloads.getFirst().length));
        return payloads;
    }

    private static Map<Contestant, List<Double>> latencies(
            Map<Contestant, GrpcWriter> writers, List<byte[]> payloads, Lengths lengths)
            throws IOException, InterruptedException {
        for (GrpcWriter writer : writers.values()) {
            // A steady pace is other code than as fast as acks come: it is to be compiled, too.
            long[] _ = paced(writer, payloads, lengths).latenciesNanos();
        }
        Map<Contestant, List<Double>> micros = new EnumMap<>(Contestant.class);
        for (int run = 0; run < RUNS; run++) {
            for (Map.Entry<Contestant, GrpcWriter> one : writers.entrySet()) {
                Paced paced = paced(one.getValue(), payloads, lengths);
                long[] nanos = paced.latenciesNanos();
                progress("%s: %.0f writes/s, at 70 %% of them p50 %.0f us, p99 %.0f us"
                        .formatted(
                                one.getKey().label(),
                                paced.perSecond() / PACE,
                                Latencies.percentile(nanos, 0.5) / 1e3,
                                Latencies.percentile(nanos, PERCENTILE) / 1e3));
                micros.computeIfAbsent(one.getKey(), _ -> new ArrayList<>())
                        .add(Latencies.percentile(nanos, PERCENTILE) / 1e3);
            }
        }
        return micros;
    }

    /// At a share of what it does with many in flight.
    private static Paced paced(GrpcWriter writer, List<byte[]> payloads, Lengths lengths)
            throws IOException, InterruptedException {
        double peak = GrpcLoad.perSecond(writer, payloads, PEAK_IN_FLIGHT, lengths.start(), lengths.window());
        return GrpcLoad.paced(writer, payloads, PACE * peak, lengths.start(), lengths.window());
    }

    private static List<Comparison> compare(
            String caseName, String unit, Better better, Map<Contestant, List<Double>> figures) {
        List<Comparison> comparisons = new ArrayList<>();
        for (Contestant peer : List.of(Contestant.UNARY, Contestant.EMPTY)) {
            comparisons.add(new Comparison(
                    BENCH,
                    caseName,
                    unit,
                    better,
                    figures.getOrDefault(Contestant.OURS, List.of()),
                    peer.label(),
                    figures.getOrDefault(peer, List.of())));
        }
        return comparisons;
    }

    /// A connection for each contestant.
    private record Writers(Map<Contestant, GrpcWriter> byContestant) implements AutoCloseable {
        Writers(int realPort, int emptyPort) {
            this(new EnumMap<>(Map.of(
                    Contestant.OURS, new StreamWriter(realPort),
                    Contestant.UNARY, new UnaryWriter(realPort),
                    Contestant.EMPTY, new StreamWriter(emptyPort))));
        }

        @Override
        public void close() {
            byContestant.values().forEach(GrpcWriter::close);
        }
    }
}
