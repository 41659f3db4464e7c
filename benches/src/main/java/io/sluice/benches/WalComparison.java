package io.sluice.benches;

import io.sluice.benches.Comparison.Better;
import io.sluice.benches.Window.Measured;
import io.sluice.wal.WalInspector.SegmentInfo;
import io.sluice.wal.WalSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The log beside others, under one load after another. In each case every log runs for a window in turn, so that what
/// the machine does meanwhile meets all of them.
///
/// `pN-SIZE`: N producers that each wait for their ack, platform threads if nothing else is said. With 256 of those
/// most of the time goes to waking them: the peer `silent`, which writes nothing, tells how much is left. `pipe64`:
/// one producer with 64 writes in flight; RocksDB, whose puts wait, has 64 producers there. `tsbs`:
/// 16 producers with writes of 1,000 rows; `lz4` is our own log with entries compressed. `verify-2GB`: reading a
/// log and checking all of it, in a quick run one of 256 MB, next to reading the same files; both by the bytes of the
/// files.
final class WalComparison implements Program {
    private static final String BENCH = "wal";
    private static final String OURS = "ours";
    private static final int RUNS = 3;
    private static final int KIB = 1 << 10;
    private static final String VERIFY = "verify-2GB";
    private static final long VERIFY_BYTES = 2_000_000_000;
    private static final long QUICK_VERIFY_BYTES = 256_000_000;
    private static final int VERIFY_IN_FLIGHT = 64;

    private static final List<LoadCase> LOADS = List.of(
            new LoadCase(
                    () -> Load.random(1, 1, KIB),
                    List.of(Peer.NAIVE, Peer.ROCKSDB, Peer.BARE),
                    List.of(
                            new Figure("p1-1KiB", "us", Better.LOWER, window -> window.latencyMicros(0.5)),
                            new Figure("p1-1KiB-p99", "us", Better.LOWER, window -> window.latencyMicros(0.99)))),
            new LoadCase(
                    () -> Load.random(256, 1, KIB),
                    List.of(Peer.NAIVE, Peer.ROCKSDB, Peer.SILENT),
                    List.of(new Figure("p256-1KiB", "writes/s", Better.HIGHER, Measured::writesPerSecond))),
            new LoadCase(
                    () -> Load.random(256, 1, KIB).virtual(),
                    List.of(Peer.NAIVE, Peer.ROCKSDB),
                    List.of(new Figure("p256-1KiB-virtual", "writes/s", Better.HIGHER, Measured::writesPerSecond))),
            new LoadCase(
                    () -> Load.random(1, 64, KIB),
                    List.of(Peer.NAIVE, Peer.ROCKSDB),
                    List.of(new Figure("pipe64-1KiB", "writes/s", Better.HIGHER, Measured::writesPerSecond))),
            new LoadCase(
                    () -> Load.random(16, 1, 64 * KIB),
                    List.of(Peer.NAIVE, Peer.ROCKSDB),
                    List.of(
                            new Figure("p16-64KiB", "MB/s", Better.HIGHER, Measured::megabytesPerSecond),
                            new Figure("p16-64KiB-p99", "us", Better.LOWER, window -> window.latencyMicros(0.99)),
                            new Figure("cpu-p16-64KiB", "s/GB", Better.LOWER, Measured::cpuSecondsPerGigabyte))),
            new LoadCase(
                    () -> Load.random(256, 1, 64 * KIB),
                    List.of(Peer.NAIVE, Peer.ROCKSDB),
                    List.of(new Figure("p256-64KiB", "MB/s", Better.HIGHER, Measured::megabytesPerSecond))),
            new LoadCase(
                    () -> Load.tsbs(16),
                    List.of(Peer.NAIVE, Peer.ROCKSDB, Peer.LZ4),
                    List.of(
                            new Figure("tsbs", "writes/s", Better.HIGHER, Measured::writesPerSecond),
                            new Figure("tsbs-p99", "us", Better.LOWER, window -> window.latencyMicros(0.99)))));

    /// A load, the peers under it, and what is read from its windows.
    private record LoadCase(LoadSource load, List<Peer> peers, List<Figure> figures) {}

    @FunctionalInterface
    private interface LoadSource {
        Load make();
    }

    private record Figure(String caseName, String unit, Better better, ToDoubleFunction<Measured> of) {}

    private record Peer(String label, Opener opener) {
        static final Peer NAIVE = new Peer("naive", NaiveLog::start);
        static final Peer ROCKSDB = new Peer("rocksdb", RocksDbLog::new);
        static final Peer SILENT = new Peer("silent", _ -> SilentLog.start());
        static final Peer LZ4 = new Peer(
                "lz4", directory -> SluiceLog.start(directory, SluiceLog.Segments.LET_GO, WalSettings.Compression.LZ4));
        static final Peer BARE = new Peer("bare", BareFile::new);
    }

    @FunctionalInterface
    private interface Opener {
        /// @param directory an empty folder
        Contestant open(Path directory) throws IOException;
    }

    /// How long windows are.
    ///
    /// @param warmUp of each log, once, so that its code is compiled
    /// @param start of each window, uncounted
    private record Lengths(Duration warmUp, Duration start, Duration window) {
        private static final Lengths FULL =
                new Lengths(Duration.ofSeconds(3), Duration.ofMillis(300), Duration.ofSeconds(5));
        private static final Lengths QUICK =
                new Lengths(Duration.ofMillis(400), Duration.ofMillis(50), Duration.ofMillis(500));
    }

    @Override
    public List<String> cases() {
        return Stream.concat(
                        LOADS.stream().flatMap(load -> load.figures().stream()).map(Figure::caseName),
                        Stream.of(VERIFY))
                .toList();
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        List<Comparison> comparisons = new ArrayList<>();
        for (LoadCase load : LOADS) {
            List<Figure> wanted = load.figures().stream()
                    .filter(figure -> options.wants(figure.caseName()))
                    .toList();
            if (!wanted.isEmpty()) {
                comparisons.addAll(compare(load, wanted, options));
            }
        }
        if (options.wants(VERIFY)) {
            comparisons.add(compareReading(options));
        }
        return comparisons;
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    private static List<Comparison> compare(LoadCase loadCase, List<Figure> figures, Options options)
            throws IOException, InterruptedException {
        progress(figures.stream().map(Figure::caseName).collect(Collectors.joining(", ")));
        Lengths lengths = options.quick() ? Lengths.QUICK : Lengths.FULL;
        Load load = loadCase.load().make();
        Map<String, List<Measured>> windows = new LinkedHashMap<>();
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try (Lineup lineup = new Lineup()) {
            lineup.add(
                    OURS, SluiceLog.start(Files.createDirectory(directory.resolve(OURS)), SluiceLog.Segments.LET_GO));
            for (Peer peer : loadCase.peers()) {
                lineup.add(peer.label(), peer.opener().open(Files.createDirectory(directory.resolve(peer.label()))));
            }
            for (Contestant log : lineup.logs().values()) {
                Window.run(load, log, Duration.ZERO, lengths.warmUp());
            }
            for (int run = 0; run < RUNS; run++) {
                for (Map.Entry<String, Contestant> log : lineup.logs().entrySet()) {
                    log.getValue().refresh();
                    windows.computeIfAbsent(log.getKey(), _ -> new ArrayList<>())
                            .add(Window.run(load, log.getValue(), lengths.start(), lengths.window()));
                }
            }
        } finally {
            Parts.delete(directory);
        }
        List<Comparison> comparisons = new ArrayList<>();
        for (Figure figure : figures) {
            for (Peer peer : loadCase.peers()) {
                comparisons.add(new Comparison(
                        BENCH,
                        figure.caseName(),
                        figure.unit(),
                        figure.better(),
                        figures(figure, windows.getOrDefault(OURS, List.of())),
                        peer.label(),
                        figures(figure, windows.getOrDefault(peer.label(), List.of()))));
            }
        }
        return comparisons;
    }

    private static List<Double> figures(Figure figure, List<Measured> windows) {
        return windows.stream().map(window -> figure.of().applyAsDouble(window)).toList();
    }

    /// The logs of a case, by name, in the order of their turns.
    private record Lineup(Map<String, Contestant> logs) implements AutoCloseable {
        Lineup() {
            this(new LinkedHashMap<>());
        }

        void add(String name, Contestant log) {
            logs.put(name, log);
        }

        @Override
        public void close() throws IOException {
            for (Contestant log : logs.values()) {
                log.close();
            }
        }
    }

    private static Comparison compareReading(Options options) throws IOException, InterruptedException {
        progress(VERIFY);
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        try {
            long entries = write(directory, options.quick() ? QUICK_VERIFY_BYTES : VERIFY_BYTES);
            List<SegmentInfo> segments = SluiceLog.segments(directory);
            long found = segments.stream().mapToLong(SegmentInfo::entries).sum();
            if (found != entries) {
                throw new IOException("expected %d entries, found %d".formatted(entries, found));
            }
            List<Path> files = segments.stream().map(SegmentInfo::file).toList();
            double megabytes =
                    segments.stream().mapToLong(SegmentInfo::sizeBytes).sum() / 1e6;
            verifySeconds(directory); // for the compiler
            List<Double> ours = new ArrayList<>();
            List<Double> theirs = new ArrayList<>();
            boolean isCold = true;
            for (int run = 0; run < RUNS; run++) {
                isCold &= FileReads.dropFromCache(files);
                ours.add(megabytes / verifySeconds(directory));
                isCold &= FileReads.dropFromCache(files);
                theirs.add(megabytes / readSeconds(files));
            }
            progress("%s: %.0f MB in %d segments, the cache is %s"
                    .formatted(VERIFY, megabytes, files.size(), isCold ? "cold" : "WARM, as there is no GNU dd"));
            return new Comparison(BENCH, VERIFY, "MB/s", Better.HIGHER, ours, "read", theirs);
        } finally {
            Parts.delete(directory);
        }
    }

    /// Writes a log of random entries of 64 KiB.
    ///
    /// @return how many
    private static long write(Path directory, long lengthBytes) throws IOException, InterruptedException {
        try (SluiceLog log = SluiceLog.start(directory, SluiceLog.Segments.KEPT)) {
            return Window.fill(log, Load.random(1, VERIFY_IN_FLIGHT, 64 * KIB), lengthBytes);
        }
    }

    private static double verifySeconds(Path directory) throws IOException {
        long startNanos = System.nanoTime();
        SluiceLog.verify(directory);
        return (System.nanoTime() - startNanos) / 1e9;
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
