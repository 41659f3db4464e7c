package io.sluice.wal;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadFactory;
import java.util.stream.Stream;

/// A log's folder and what tests do with it.
final class WalFolder {
    static final UUID OWNER = new UUID(1, 2);
    static final ThreadFactory THREADS = Thread.ofPlatform().name("wal-", 0).factory();

    final Path directory;
    private final long segmentBytes;
    Disk disk = new RealDisk(true);
    CorruptionPolicy policy = CorruptionPolicy.QUARANTINE;
    long maxBytes = 1L << 40;

    WalFolder(Path directory, long segmentBytes) {
        this.directory = directory;
        this.segmentBytes = segmentBytes;
    }

    WalSettings settings() {
        return settings(directory, segmentBytes, maxBytes, Duration.ofMinutes(5), 64 << 20, 1_000, policy);
    }

    static WalSettings settings(
            Path directory,
            long segmentBytes,
            Duration maxAge,
            long queueBytes,
            int queueEntries,
            CorruptionPolicy policy) {
        return settings(directory, segmentBytes, 1L << 40, maxAge, queueBytes, queueEntries, policy);
    }

    private static WalSettings settings(
            Path directory,
            long segmentBytes,
            long maxBytes,
            Duration maxAge,
            long queueBytes,
            int queueEntries,
            CorruptionPolicy policy) {
        return new WalSettings(
                directory,
                segmentBytes,
                maxBytes,
                maxAge,
                queueBytes,
                queueEntries,
                GroupLimits.DEFAULT,
                WalSettings.Compression.NONE,
                true,
                policy);
    }

    Wal open() throws IOException {
        return Wal.open(settings(), disk, Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry());
    }

    static SequenceSource numbersFrom(SequenceNumber last) {
        long[] number = {last.value()};
        return () -> new SequenceNumber(++number[0]);
    }

    static void start(Wal wal) throws IOException {
        wal.start(numbersFrom(wal.lastSequence()), OWNER, THREADS, _ -> {});
    }

    /// Replays, then appends payloads, each by itself; returns all that the log holds, by number.
    NavigableMap<Long, byte[]> write(int count, int maxBytes, long seed) throws Exception {
        TreeMap<Long, byte[]> written = new TreeMap<>();
        Random random = new Random(seed);
        try (Wal wal = open()) {
            wal.replay((sequence, payload) -> written.put(sequence.value(), payload), THREADS);
            start(wal);
            for (int i = 0; i < count; i++) {
                byte[] payload = new byte[1 + random.nextInt(maxBytes)];
                random.nextBytes(payload);
                written.put(append(wal, payload).get().value(), payload);
            }
        }
        return written;
    }

    static CompletableFuture<SequenceNumber> append(Wal wal, byte[] payload) throws WalRefusedException {
        return append(wal, payload, new AppendSession(), () -> {});
    }

    /// @param onRefusal is called before the outcome is there
    static CompletableFuture<SequenceNumber> append(Wal wal, byte[] payload, AppendSession session, Runnable onRefusal)
            throws WalRefusedException {
        CompletableFuture<SequenceNumber> durable = new CompletableFuture<>();
        wal.append(payload, session, new AppendListener() {
            @Override
            public void durable(SequenceNumber sequence) {
                durable.complete(sequence);
            }

            @Override
            public void refused(WalRefusedException refusal) {
                onRefusal.run();
                durable.completeExceptionally(refusal);
            }

            @Override
            public void failed(IOException cause) {
                durable.completeExceptionally(cause);
            }
        });
        return durable;
    }

    /// What a start finds.
    record Replayed(NavigableMap<Long, byte[]> entries, ReplayReport report, SequenceNumber last) {}

    Replayed replay() throws IOException, InterruptedException {
        try (Wal wal = open()) {
            TreeMap<Long, byte[]> entries = new TreeMap<>();
            List<Long> order = new ArrayList<>();
            ReplayReport report = wal.replay(
                    (sequence, payload) -> {
                        entries.put(sequence.value(), payload);
                        order.add(sequence.value());
                    },
                    THREADS);
            if (!order.stream().sorted().toList().equals(order) || order.size() != entries.size()) {
                throw new AssertionError("out of order, or twice: " + order);
            }
            return new Replayed(entries, report, wal.lastSequence());
        }
    }

    List<Path> segments() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".wal"))
                    .sorted()
                    .toList();
        }
    }

    /// A copy of the folder in its present state.
    WalFolder copyTo(Path target) throws IOException {
        Files.createDirectories(target);
        for (Path segment : segments()) {
            Files.copy(segment, target.resolve(segment.getFileName()));
        }
        WalFolder copy = new WalFolder(target, segmentBytes);
        copy.policy = policy;
        copy.disk = disk;
        return copy;
    }

    /// Whether all of `found` is in `written`, byte for byte.
    static boolean isPartOf(Map<Long, byte[]> found, Map<Long, byte[]> written) {
        return found.entrySet().stream()
                .allMatch(entry -> written.containsKey(entry.getKey())
                        && Arrays.equals(entry.getValue(), written.get(entry.getKey())));
    }
}
