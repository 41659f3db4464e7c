package io.sluice.benches;

import com.sun.management.OperatingSystemMXBean;
import io.sluice.benches.Comparison.Better;
import io.sluice.benches.PythonFlight.Reading;
import io.sluice.ingester.IngesterServer;
import io.sluice.ingester.Tracing;
import io.sluice.ingester.settings.InvalidSettingException;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.ToDoubleFunction;

/// Queries of rows that are in memory, by a whole server: 5 M rows of TSBS's cpu-only use case, in a quick run 1 M; no
/// row is persisted meanwhile.
///
/// - `all-64Ki`: a pyarrow client reads all rows, beside pyarrow's own server (C++) that holds the same table in
///   batches of 64 Ki rows (`pyarrow`): rows a second, time to the first batch, and the server's CPU seconds for a
///   million rows.
/// - `one-host`: the rows of one of the 4,000 hosts, beside all of them (`all`): seconds.
/// - `ingest-beside-read`: writes of 1,000 rows over a stream at half of the rate that was measured, while a client
///   reads all rows again and again, beside none reading (`alone`): writes a second.
/// - `small-p99`: 100 clients that ask for one metric of one host in one hour each (360 rows; in a quick run 150: what
///   TSBS's `single-groupby-1-1-1` groups), again and again, while writes come at half of their rate, beside no writes
///   (`idle`), and beside a Flight server of Arrow's in the clients' process that answers with a batch which it has
///   ready, while the same writes come (`bare`): the 99th percentile. Ours is a process of its own, as the launcher
///   starts it.
/// - `host-p99`: the same for all rows and columns of a host, which become more with each write.
/// - `stopped-readers`: 100 clients that stop after their first batch: by how much the server's memory grows for each,
///   beside the memory of the partition (`partition`).
final class QueryComparison implements Program {
    private static final String BENCH = "query";
    private static final String ALL = "all-64Ki";
    private static final String ALL_FIRST = "all-64Ki-first";
    private static final String ALL_CPU = "all-64Ki-cpu";
    private static final String ONE_HOST = "one-host";
    private static final String INGEST = "ingest-beside-read";
    private static final String SMALL = "small-p99";
    private static final String HOST = "host-p99";
    private static final String STOPPED = "stopped-readers";

    private static final int RUNS = 3;
    private static final int WARM_STREAMS = 8;
    private static final int QUICK_WARM_STREAMS = 3;
    private static final long ROWS = 5_000_000;
    private static final long QUICK_ROWS = 1_000_000;
    private static final int FILL_ROWS = 5_000;
    private static final int WRITE_ROWS = 1_000;
    private static final int DIFFERENT_WRITES = 64;
    private static final int IN_FLIGHT = 16;
    private static final double LOAD = 0.5;
    private static final int CLIENTS = 100;
    private static final Duration HOUR_BEGINS = Duration.ofSeconds(1_000);
    private static final double PERCENTILE = 0.99;
    private static final long SEED = 1;
    private static final long MACHINE_BYTES = 8L << 30;

    private static final Map<Setting, String> NOTHING_PERSISTED = Map.of(
            Setting.MEMORY, "40GiB",
            Setting.BUFFER_BYTES, "12GiB",
            Setting.PERSIST_HOT_BYTES, "12GiB",
            Setting.PERSIST_MAX_AGE, "1h",
            Setting.WAL_MAX_BYTES, "64GiB",
            Setting.SHUTDOWN_DEADLINE, "1ms");

    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    @Override
    public List<String> cases() {
        return List.of(ALL, ALL_FIRST, ALL_CPU, ONE_HOST, INGEST, SMALL, HOST, STOPPED);
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    /// @param streams each client reads before those that are measured
    /// @param warmUp of small queries, alone and beside writes, so that their code is compiled
    private record Amounts(long rows, int streams, Duration warmUp, Duration start, Duration window) {
        private static final Amounts FULL =
                new Amounts(ROWS, WARM_STREAMS, Duration.ofSeconds(20), Duration.ofSeconds(1), Duration.ofSeconds(4));
        private static final Amounts QUICK = new Amounts(
                QUICK_ROWS, QUICK_WARM_STREAMS, Duration.ofSeconds(8), Duration.ofMillis(500), Duration.ofSeconds(2));
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try {
            PythonFlight python = PythonFlight.in(options.directory(), directory);
            Amounts amounts = options.quick() ? Amounts.QUICK : Amounts.FULL;
            List<Comparison> comparisons = new ArrayList<>();
            for (CaseGroup group : List.<CaseGroup>of(Session::reads, Session::ingest)) {
                // Each with a server of its own: nothing is persisted, and writes take memory.
                IngesterServer server = start(directory.resolve("data"));
                try {
                    Session session = new Session(server.grpcPort(), python, amounts, options);
                    comparisons.addAll(group.run(session));
                } finally {
                    server.stop();
                    Parts.delete(directory.resolve("data"));
                }
            }
            for (SmallCase small : List.of(
                    new SmallCase(SMALL, QueryComparison::hourOfHost), new SmallCase(HOST, QueryComparison::oneHost))) {
                if (options.wants(small.name())) {
                    Path folder = directory.resolve(small.name());
                    try (ServerProcess server = ServerProcess.sluice(folder, arguments())) {
                        Session session = new Session(server.grpcPort(), python, amounts, options);
                        comparisons.addAll(session.smallQueries(small));
                    }
                    Parts.delete(folder);
                }
            }
            if (options.wants(STOPPED)) {
                progress(STOPPED);
                comparisons.add(
                        new StoppedReaders(directory.resolve(STOPPED), amounts.rows()).run(BENCH, STOPPED, ticket("")));
            }
            return comparisons;
        } finally {
            Parts.delete(directory);
        }
    }

    /// Many clients that each ask for few rows.
    ///
    /// @param ticketOf what is asked of a host, by its number
    private record SmallCase(String name, IntFunction<String> ticketOf) {}

    /// Cases that share a server.
    @FunctionalInterface
    private interface CaseGroup {
        List<Comparison> run(Session session) throws IOException, InterruptedException;
    }

    private static String[] arguments() {
        List<String> arguments = new ArrayList<>();
        NOTHING_PERSISTED.forEach((setting, value) -> arguments.addAll(List.of(setting.option(), value)));
        return arguments.toArray(String[]::new);
    }

    /// A server that persists nothing until it is stopped, and then nothing either.
    private static IngesterServer start(Path data) throws IOException, InterruptedException {
        Map<Setting, String> options = new EnumMap<>(NOTHING_PERSISTED);
        options.put(Setting.DATA_DIR, data.toString());
        options.put(Setting.GRPC_BIND, "127.0.0.1:0");
        options.put(Setting.HTTP_BIND, "127.0.0.1:0");
        try {
            return IngesterServer.start(
                    ServeSettings.resolve(options, Map.of(), Optional.empty(), MACHINE_BYTES), Tracing.off(), code -> {
                        throw new IllegalStateException("the server ended with " + code);
                    });
        } catch (InvalidSettingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String ticket(String rest) {
        return "{\"namespace\":\"%s\",\"table\":\"%s\"%s}".formatted(CpuTicks.NAMESPACE, CpuTicks.TABLE, rest);
    }

    /// The rows of one host.
    private static String oneHost(int host) {
        return ticket(",\"predicates\":[{\"column\":\"hostname\",\"in\":[\"host_%d\"]}]".formatted(host));
    }

    /// One metric of one host in an hour in which no write falls that comes beside the queries.
    private static String hourOfHost(int host) {
        long startNs = CpuTicks.START_NS + HOUR_BEGINS.toNanos();
        return ticket("""
                ,"columns":["time","hostname","usage_user"],"time_range":{"start_ns":"%d","end_ns":"%d"},\
                "predicates":[{"column":"hostname","in":["host_%d"]}]""".formatted(startNs, startNs + Duration.ofHours(1).toNanos(), host));
    }

    /// A server, and what is done with it.
    private record Session(int port, PythonFlight python, Amounts amounts, Options options) {
        List<Comparison> reads() throws IOException, InterruptedException {
            List<Comparison> comparisons = new ArrayList<>();
            boolean wantsAll = options.wants(ALL) || options.wants(ALL_FIRST) || options.wants(ALL_CPU);
            if (wantsAll || options.wants(ONE_HOST)) {
                fill();
            }
            if (wantsAll) {
                comparisons.addAll(all());
            }
            if (options.wants(ONE_HOST)) {
                comparisons.add(oneHostBesideAll());
            }
            return comparisons;
        }

        List<Comparison> ingest() throws IOException, InterruptedException {
            if (!options.wants(INGEST)) {
                return List.of();
            }
            fill();
            return List.of(ingestBesideRead(LOAD * ingestPeak()));
        }

        private void fill() throws IOException, InterruptedException {
            progress("writing %d rows".formatted(amounts.rows()));
            CpuTicks ticks = new CpuTicks(SEED);
            List<byte[]> writes = new ArrayList<>();
            for (long rows = 0; rows < amounts.rows(); rows += FILL_ROWS) {
                writes.add(ticks.next(FILL_ROWS).toByteArray());
            }
            try (StreamWriter writer = new StreamWriter(port)) {
                GrpcLoad.all(writer, writes, IN_FLIGHT);
            }
        }

        /// One stream's figures, and what the server that sent it took.
        private record Stream(Reading reading, double serverCpuSeconds) {}

        private List<Comparison> all() throws IOException, InterruptedException {
            progress(ALL);
            List<Stream> ours = new ArrayList<>();
            List<Stream> theirs = new ArrayList<>();
            try (PythonFlight.Server peer = python.serve(port, ticket(""))) {
                read(port, ticket(""), amounts.streams());
                read(peer.port(), ticket(""), amounts.streams());
                for (int run = 0; run < RUNS; run++) {
                    double oursBefore = PROCESS.getProcessCpuTime() / 1e9;
                    Reading reading = read(port, ticket(""), 1).getFirst();
                    ours.add(new Stream(reading, PROCESS.getProcessCpuTime() / 1e9 - oursBefore));
                    double theirsBefore = peer.cpuSeconds();
                    Reading other = read(peer.port(), ticket(""), 1).getFirst();
                    theirs.add(new Stream(other, peer.cpuSeconds() - theirsBefore));
                }
            }
            double millions = amounts.rows() / 1e6;
            List<Comparison> comparisons = new ArrayList<>();
            add(
                    comparisons,
                    ALL,
                    "rows/s",
                    Better.HIGHER,
                    ours,
                    theirs,
                    stream -> stream.reading().rows() / stream.reading().seconds());
            add(
                    comparisons,
                    ALL_FIRST,
                    "ms",
                    Better.LOWER,
                    ours,
                    theirs,
                    stream -> 1e3 * stream.reading().secondsToFirstBatch());
            add(
                    comparisons,
                    ALL_CPU,
                    "s/Mrows",
                    Better.LOWER,
                    ours,
                    theirs,
                    stream -> stream.serverCpuSeconds() / millions);
            return comparisons;
        }

        private void add(
                List<Comparison> comparisons,
                String caseName,
                String unit,
                Better better,
                List<Stream> ours,
                List<Stream> theirs,
                ToDoubleFunction<Stream> figure) {
            if (options.wants(caseName)) {
                comparisons.add(new Comparison(
                        BENCH,
                        caseName,
                        unit,
                        better,
                        ours.stream().map(figure::applyAsDouble).toList(),
                        "pyarrow",
                        theirs.stream().map(figure::applyAsDouble).toList()));
            }
        }

        private List<Reading> read(int from, String ticket, int times) throws IOException, InterruptedException {
            List<Reading> readings = python.read(from, ticket, times);
            for (Reading reading : readings) {
                if (ticket.equals(ticket("")) && reading.rows() < amounts.rows()) {
                    throw new IOException("expected %d rows, found %d".formatted(amounts.rows(), reading.rows()));
                }
            }
            return readings;
        }

        private Comparison oneHostBesideAll() throws IOException, InterruptedException {
            progress(ONE_HOST);
            List<Double> ours = new ArrayList<>();
            List<Double> theirs = new ArrayList<>();
            for (int run = 0; run < RUNS; run++) {
                List<Reading> one = read(port, oneHost(run), 1 + amounts.streams());
                long expected = amounts.rows() / CpuTicks.HOSTS;
                if (one.getLast().rows() != expected) {
                    throw new IOException("expected %d rows of a host, found %d"
                            .formatted(expected, one.getLast().rows()));
                }
                ours.add(1e3 * one.getLast().seconds());
                theirs.add(1e3 * read(port, ticket(""), 2).getLast().seconds());
            }
            return new Comparison(BENCH, ONE_HOST, "ms", Better.LOWER, ours, "all", theirs);
        }

        /// Writes into the table that is read, with other values.
        private static List<byte[]> writes() {
            CpuTicks ticks = new CpuTicks(SEED + 1);
            List<byte[]> writes = new ArrayList<>();
            for (int i = 0; i < DIFFERENT_WRITES; i++) {
                writes.add(ticks.next(WRITE_ROWS).toByteArray());
            }
            return writes;
        }

        private double ingestPeak() throws IOException, InterruptedException {
            progress("ingest alone");
            try (StreamWriter writer = new StreamWriter(port)) {
                double peak = GrpcLoad.perSecond(writer, writes(), IN_FLIGHT, amounts.start(), amounts.window());
                progress("%.0f writes/s".formatted(peak));
                return peak;
            }
        }

        private Comparison ingestBesideRead(double perSecond) throws IOException, InterruptedException {
            progress(INGEST);
            List<Double> ours = new ArrayList<>();
            List<Double> theirs = new ArrayList<>();
            for (int run = 0; run < RUNS; run++) {
                ours.add(achieved(perSecond, true));
                theirs.add(achieved(perSecond, false));
            }
            return new Comparison(BENCH, INGEST, "writes/s", Better.HIGHER, ours, "alone", theirs);
        }

        private double achieved(double perSecond, boolean isRead) throws IOException, InterruptedException {
            try (StreamWriter writer = new StreamWriter(port);
                    Background _ = isRead ? Background.repeat(() -> read(port, ticket(""), 1)) : Background.none()) {
                return GrpcLoad.paced(writer, writes(), perSecond, amounts.start(), amounts.window())
                        .perSecond();
            }
        }

        List<Comparison> smallQueries(SmallCase small) throws IOException, InterruptedException {
            fill();
            double perSecond = LOAD * ingestPeak();
            progress(small.name());
            List<Double> ours = new ArrayList<>();
            List<Double> alone = new ArrayList<>();
            List<Double> bare = new ArrayList<>();
            SmallQueries queries = new SmallQueries(port, CLIENTS, small.ticketOf());
            queries.run(amounts.warmUp());
            var _ = latenciesBesideWrites(queries, perSecond, amounts.warmUp());
            try (BareFlight peer = BareFlight.start(port, small.ticketOf().apply(0))) {
                new SmallQueries(peer.port(), CLIENTS, small.ticketOf()).run(amounts.warmUp());
            }
            for (int run = 0; run < RUNS; run++) {
                ours.add(p99BesideWrites(queries, perSecond));
                // It answers as many rows as ours has by now.
                try (BareFlight peer = BareFlight.start(port, small.ticketOf().apply(0))) {
                    bare.add(p99BesideWrites(new SmallQueries(peer.port(), CLIENTS, small.ticketOf()), perSecond));
                }
                alone.add(p99(queries.run(amounts.window())));
            }
            return List.of(
                    new Comparison(BENCH, small.name(), "ms", Better.LOWER, ours, "idle", alone),
                    new Comparison(BENCH, small.name(), "ms", Better.LOWER, ours, "bare", bare));
        }

        private double p99BesideWrites(SmallQueries queries, double perSecond)
                throws IOException, InterruptedException {
            return p99(latenciesBesideWrites(queries, perSecond, amounts.window()));
        }

        private long[] latenciesBesideWrites(SmallQueries queries, double perSecond, Duration window)
                throws IOException, InterruptedException {
            List<byte[]> writes = writes();
            try (StreamWriter writer = new StreamWriter(port);
                    Background _ = Background.repeat(
                            () -> GrpcLoad.paced(writer, writes, perSecond, Duration.ZERO, amounts.start()))) {
                return queries.run(window);
            }
        }

        private static double p99(long[] latenciesNanos) {
            return Latencies.percentile(latenciesNanos, PERCENTILE) / 1e6;
        }
    }
}
