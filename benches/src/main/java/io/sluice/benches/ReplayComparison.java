package io.sluice.benches;

import io.sluice.benches.BoundedParts.Replayed;
import io.sluice.benches.Comparison.Better;
import io.sluice.wal.WalInspector.SegmentInfo;
import io.sluice.wal.WalSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/// A start: a log of many segments is read, checked, decoded, split and applied to the buffer, which lets rows go to a
/// persist that discards them whenever its limit asks for it.
///
/// | case      | log                                      | limit of the buffer       |
/// |-----------|------------------------------------------|---------------------------|
/// | `large`   | 2 GB of TSBS writes of 1,000 rows        | 512 MiB                   |
/// | `tiny`    | 2 million TSBS writes of one row         | 512 MiB                   |
/// | `limit20` | as `large`                               | a twentieth of the log    |
///
/// A quick run has an eighth of the bytes, a tenth of the tiny writes, and a quarter of the limit. Peers: `read` is to
/// read the same files and do nothing with them, `ingest` to take the same writes live, within the same limit, until
/// they are durable and applied: from threads of this process, without a door; `stream` the same from a client, by a
/// `WriteStream` on loopback. Replaying and reading begin with files that the system has not cached. Megabytes are
/// those
/// of the payloads.
///
/// `…-memory` is the most that Arrow's allocator had given out, `…-ledger` the most that the buffer counted, both next
/// to the limit. Arrow's may be above it by the writes that are being decoded and wait to be applied: the run fails if
/// that is more than [#OVERHEAD_BYTES].
final class ReplayComparison implements Program {
    /// How far memory may be above the limit: what is decoded ahead, a batch for each processor and a few more.
    static final long OVERHEAD_BYTES = (Runtime.getRuntime().availableProcessors() + 4) * (4L << 20);

    private static final String BENCH = "replay";
    private static final int RUNS = 3;
    private static final long MIB = 1L << 20;
    private static final int LIMIT_SHARE = 20;
    private static final int IN_FLIGHT = 256;
    private static final int STREAM_IN_FLIGHT = 64;

    private static final List<ReplayCase> CASES = List.of(
            new ReplayCase("large", 1_000, 64, Limit.FIXED, List.of(Rate.MEGABYTES, Rate.ROWS)),
            new ReplayCase("tiny", 1, 8_192, Limit.FIXED, List.of(Rate.WRITES)),
            new ReplayCase("limit20", 1_000, 64, Limit.SHARE, List.of(Rate.MEGABYTES)));

    private enum Limit {
        FIXED,
        /// A share of the log.
        SHARE
    }

    /// What is counted a second.
    private enum Rate {
        MEGABYTES("", "MB/s"),
        ROWS("-rows", "rows/s"),
        WRITES("", "writes/s");

        private final String suffix;
        private final String unit;

        Rate(String suffix, String unit) {
            this.suffix = suffix;
            this.unit = unit;
        }
    }

    /// @param payloads how many different writes there are, again and again
    private record ReplayCase(String name, int rows, int payloads, Limit limit, List<Rate> rates) {
        /// The names of its figures.
        List<String> figures() {
            List<String> figures = new ArrayList<>();
            rates.forEach(rate -> figures.add(name + rate.suffix));
            figures.add(name + "-memory");
            figures.add(name + "-ledger");
            return figures;
        }

        double perWrite(Rate rate, double payloadBytes) {
            return switch (rate) {
                case MEGABYTES -> payloadBytes / 1e6;
                case ROWS -> rows;
                case WRITES -> 1;
            };
        }
    }

    /// How much there is.
    private record Amounts(
            long largeBytes, long tinyWrites, long limitBytes, Duration ingestStart, Duration ingestWindow) {
        private static final Amounts FULL =
                new Amounts(2_100_000_000, 2_000_000, 512 * MIB, Duration.ofMillis(500), Duration.ofSeconds(5));
        private static final Amounts QUICK =
                new Amounts(262_500_000, 200_000, 128 * MIB, Duration.ofMillis(100), Duration.ofMillis(700));
    }

    /// A log that was written.
    private record Log(Path directory, List<byte[]> payloads, long writes, List<Path> files) {
        double meanPayloadBytes() {
            return payloads.stream()
                    .mapToInt(payload -> payload.length)
                    .average()
                    .orElseThrow();
        }
    }

    /// One figure of each for each run.
    private record Runs(
            List<Replayed> ours,
            List<Double> readSeconds,
            List<Double> ingestedPerSecond,
            List<Double> streamedPerSecond) {
        Runs() {
            this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        }

        List<Double> ours(ToDoubleFunction<Replayed> figure) {
            return ours.stream().map(figure::applyAsDouble).toList();
        }
    }

    @Override
    public List<String> cases() {
        return CASES.stream().flatMap(one -> one.figures().stream()).toList();
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        List<Comparison> comparisons = new ArrayList<>();
        for (ReplayCase one : CASES) {
            if (one.figures().stream().anyMatch(options::wants)) {
                compare(one, options).stream()
                        .filter(comparison -> options.wants(comparison.caseName()))
                        .forEach(comparisons::add);
            }
        }
        return comparisons;
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    private static List<Comparison> compare(ReplayCase one, Options options) throws IOException, InterruptedException {
        Amounts amounts = options.quick() ? Amounts.QUICK : Amounts.FULL;
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try {
            Log log = write(one, amounts, Files.createDirectory(directory.resolve("log")));
            long limitBytes = switch (one.limit()) {
                case FIXED -> amounts.limitBytes();
                case SHARE -> (long) (log.writes() * log.meanPayloadBytes() / LIMIT_SHARE);
            };
            // Once for the compiler.
            var _ = replay(log, directory, one.rows(), limitBytes);
            var _ = ingest(log, directory, limitBytes, amounts);
            var _ = stream(log, directory, limitBytes, amounts);
            Runs runs = new Runs();
            boolean isCold = true;
            for (int run = 0; run < RUNS; run++) {
                isCold &= FileReads.dropFromCache(log.files());
                runs.ours().add(replay(log, directory, one.rows(), limitBytes));
                isCold &= FileReads.dropFromCache(log.files());
                runs.readSeconds().add(readSeconds(log.files()));
                runs.ingestedPerSecond().add(ingest(log, directory, limitBytes, amounts));
                runs.streamedPerSecond().add(stream(log, directory, limitBytes, amounts));
            }
            progress("%s: %d writes, %.0f MB, in %d segments, limit %d bytes; the cache is %s"
                    .formatted(
                            one.name(),
                            log.writes(),
                            runs.ours().getFirst().payloadBytes() / 1e6,
                            log.files().size(),
                            limitBytes,
                            isCold ? "cold" : "WARM, as there is no GNU dd"));
            return comparisons(one, log, limitBytes, runs);
        } finally {
            Parts.delete(directory);
        }
    }

    private static List<Comparison> comparisons(ReplayCase one, Log log, long limitBytes, Runs runs) {
        List<Comparison> comparisons = new ArrayList<>();
        for (Rate rate : one.rates()) {
            double perWrite = one.perWrite(rate, log.meanPayloadBytes());
            String name = one.name() + rate.suffix;
            List<Double> ours = runs.ours(replayed -> perWrite * replayed.writes() / replayed.seconds());
            List<Double> read = runs.readSeconds().stream()
                    .map(seconds -> perWrite * log.writes() / seconds)
                    .toList();
            List<Double> ingested = times(perWrite, runs.ingestedPerSecond());
            List<Double> streamed = times(perWrite, runs.streamedPerSecond());
            comparisons.add(new Comparison(BENCH, name, rate.unit, Better.HIGHER, ours, "read", read));
            comparisons.add(new Comparison(BENCH, name, rate.unit, Better.HIGHER, ours, "ingest", ingested));
            comparisons.add(new Comparison(BENCH, name, rate.unit, Better.HIGHER, ours, "stream", streamed));
        }
        comparisons.add(memory(one.name() + "-memory", runs.ours(Replayed::arrowPeakBytes), limitBytes));
        comparisons.add(memory(one.name() + "-ledger", runs.ours(Replayed::ledgerPeakBytes), limitBytes));
        return comparisons;
    }

    private static List<Double> times(double factor, List<Double> figures) {
        return figures.stream().map(figure -> factor * figure).toList();
    }

    private static Comparison memory(String name, List<Double> peaks, long limitBytes) {
        List<Double> limits = peaks.stream().map(_ -> (double) limitBytes).toList();
        return new Comparison(BENCH, name, "bytes", Better.LOWER, peaks, "limit", limits);
    }

    private static Log write(ReplayCase one, Amounts amounts, Path directory) throws IOException, InterruptedException {
        Load load = Load.tsbs(1, IN_FLIGHT, one.rows(), one.payloads());
        long written;
        try (SluiceLog log = SluiceLog.start(directory, SluiceLog.Segments.KEPT)) {
            written = one.rows() == 1
                    ? Window.fillWrites(log, load, amounts.tinyWrites())
                    : Window.fill(log, load, amounts.largeBytes());
        }
        List<Path> files =
                SluiceLog.segments(directory).stream().map(SegmentInfo::file).toList();
        return new Log(directory, load.payloads(), written, files);
    }

    private static Replayed replay(Log log, Path directory, int rows, long limitBytes)
            throws IOException, InterruptedException {
        Path catalog = Files.createTempDirectory(directory, "catalog");
        try (BoundedParts parts = new BoundedParts(WalSettings.defaults(log.directory()), catalog, limitBytes)) {
            Replayed replayed = parts.replay();
            if (replayed.writes() != log.writes() || replayed.rows() != rows * log.writes()) {
                throw new IOException(
                        "expected %d writes of %d rows, found %s".formatted(log.writes(), rows, replayed));
            }
            if (replayed.arrowPeakBytes() > limitBytes + OVERHEAD_BYTES) {
                throw new IOException("expected at most %d bytes of rows in memory, found %d"
                        .formatted(limitBytes + OVERHEAD_BYTES, replayed.arrowPeakBytes()));
            }
            return replayed;
        } finally {
            Parts.delete(catalog);
        }
    }

    /// Returns writes a second.
    private static double ingest(Log log, Path directory, long limitBytes, Amounts amounts)
            throws IOException, InterruptedException {
        Path live = Files.createTempDirectory(directory, "live");
        try (BoundedParts parts = new BoundedParts(WalSettings.defaults(live.resolve("wal")), live, limitBytes)) {
            return parts.startLive().perSecond(log.payloads(), amounts.ingestStart(), amounts.ingestWindow());
        } finally {
            Parts.delete(live);
        }
    }

    /// Returns writes a second.
    private static double stream(Log log, Path directory, long limitBytes, Amounts amounts)
            throws IOException, InterruptedException {
        Path live = Files.createTempDirectory(directory, "live");
        try (BoundedParts parts = new BoundedParts(WalSettings.defaults(live.resolve("wal")), live, limitBytes);
                WriteServer server = new WriteServer(parts.start());
                GrpcWriter writer = new StreamWriter(server.port())) {
            return GrpcLoad.perSecond(
                    writer, log.payloads(), STREAM_IN_FLIGHT, amounts.ingestStart(), amounts.ingestWindow());
        } finally {
            Parts.delete(live);
        }
    }

    private static double readSeconds(List<Path> files) throws IOException {
        long startNanos = System.nanoTime();
        long bytes = FileReads.readAll(files);
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        if (bytes == 0) {
            throw new IOException("nothing to read in " + files);
        }
        return seconds;
    }
}
