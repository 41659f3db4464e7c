package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.WalFolder.Replayed;
import io.sluice.wal.format.SegmentFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a start makes of what it finds: DESIGN §1, invariants 1, 7, 8 and 9.
final class WalReplayTest {
    private static final long ONE_SEGMENT = 1 << 20;
    private static final long SMALL_SEGMENTS = 400;
    private static final long SEED = 20_261_121L;

    @TempDir
    private Path folder = Path.of("");

    private WalFolder log(long segmentBytes) {
        return new WalFolder(folder.resolve("wal"), segmentBytes);
    }

    private static void truncate(Path file, long sizeBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(sizeBytes);
        }
    }

    private static void flip(Path file, long position, int bits) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, position);
            one.put(0, (byte) (one.get(0) ^ bits)).flip();
            channel.write(one, position);
        }
    }

    @Test
    void whatWasWrittenIsReplayedAcrossSegmentsAndRestarts() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(30, 100, SEED);
        NavigableMap<Long, byte[]> written = log.write(30, 100, SEED + 1);
        Replayed replayed = log.replay();
        assertThat(written).hasSize(60);
        assertThat(WalFolder.isPartOf(written, replayed.entries())).isTrue();
        assertThat(replayed.entries()).hasSize(60);
        assertThat(replayed.report().problems()).isEmpty();
        assertThat(replayed.report().segments()).isGreaterThan(5);
        assertThat(replayed.last()).isEqualTo(new SequenceNumber(60));
    }

    /// Cuts the log at every byte. What is left replays to a prefix of what was written: never a hole or an invention.
    @Test
    void everyPrefixOfTheLogReplaysToAPrefixOfTheWrites() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        NavigableMap<Long, byte[]> written = log.write(8, 40, SEED);
        Path segment = log.segments().getLast();
        for (long sizeBytes = Files.size(segment); sizeBytes >= 0; sizeBytes--) {
            WalFolder cut = log.copyTo(folder.resolve("cut-" + sizeBytes));
            truncate(cut.segments().getLast(), sizeBytes);
            Replayed replayed = cut.replay();
            assertThat(WalFolder.isPartOf(replayed.entries(), written)).isTrue();
            assertThat(replayed.entries().keySet())
                    .as("cut at %d", sizeBytes)
                    .isEqualTo(written.headMap((long) replayed.entries().size(), true)
                            .keySet());
            assertThat(replayed.report().quarantined())
                    .as("cut at %d", sizeBytes)
                    .isLessThanOrEqualTo(1);
            // The tail is gone: the next start finds nothing to complain of but a header that was cut.
            if (sizeBytes >= SegmentFormat.HEADER_BYTES) {
                assertThat(cut.replay().report().tornBytes()).isZero();
            }
        }
    }

    /// Whatever is changed, what comes back was written under that number, and what is missing is reported.
    @Test
    void aChangedByteNeverMakesAnEntryAndNeverPassesInSilence() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        NavigableMap<Long, byte[]> written = log.write(20, 60, SEED);
        Random random = new Random(SEED);
        for (int round = 0; round < 400; round++) {
            WalFolder damaged = log.copyTo(folder.resolve("flip-" + round));
            List<Path> segments = damaged.segments();
            Path segment = segments.get(random.nextInt(segments.size()));
            long position = random.nextLong(Files.size(segment));
            flip(segment, position, 1 << random.nextInt(8));
            Replayed replayed;
            try {
                replayed = damaged.replay();
            } catch (WalVersionException e) {
                assertThat(position).as("round %d, seed %d", round, SEED).isBetween(8L, 11L);
                continue;
            }
            assertThat(WalFolder.isPartOf(replayed.entries(), written))
                    .as("round %d, seed %d", round, SEED)
                    .isTrue();
            assertThat(written.size() - replayed.entries().size())
                    .as("round %d, seed %d: one byte is part of one entry", round, SEED)
                    .isLessThanOrEqualTo(1);
            assertThat(replayed.report().problems())
                    .as("round %d, seed %d", round, SEED)
                    .isNotEmpty();
        }
    }

    @Test
    void damageIsCopiedToQuarantineAndWhatFollowsIsRead() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        NavigableMap<Long, byte[]> written = log.write(5, 40, SEED);
        Path segment = log.segments().getLast();
        flip(segment, SegmentFormat.HEADER_BYTES + SegmentFormat.ENTRY_HEADER_BYTES, 1);
        Replayed replayed = log.replay();
        assertThat(replayed.entries().keySet()).containsExactly(2L, 3L, 4L, 5L);
        assertThat(replayed.report().quarantined()).isEqualTo(1);
        Path copy =
                log.directory.resolve("quarantine").resolve(segment.getFileName() + "." + SegmentFormat.HEADER_BYTES);
        assertThat(Files.size(copy))
                .isEqualTo(
                        SegmentFormat.ENTRY_HEADER_BYTES + written.firstEntry().getValue().length);
    }

    @Test
    void withThePolicyFailDamageStopsTheStartAndSaysWhere() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        log.write(5, 40, SEED);
        flip(log.segments().getLast(), SegmentFormat.HEADER_BYTES + SegmentFormat.ENTRY_HEADER_BYTES, 1);
        log.policy = CorruptionPolicy.FAIL;
        assertThatThrownBy(log::replay)
                .isInstanceOf(CorruptEntryException.class)
                .hasMessageContaining(log.segments().getLast().toString())
                .hasMessageContaining("position 64")
                .hasMessageContaining("checksum");
    }

    @Test
    void aTornTailBeforeASegmentThatGoesOnIsNoDamage() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        log.write(3, 40, SEED);
        try (FileChannel channel = FileChannel.open(log.segments().getLast(), StandardOpenOption.APPEND)) {
            channel.write(ByteBuffer.wrap(new byte[] {9, 0, 0, 0, 1, 2, 3}));
        }
        // A start that ended before it had cut the tail off, but had begun a segment.
        WalFolder next = log(ONE_SEGMENT);
        Path segment = next.directory.resolve("%020d.wal".formatted(2));
        ByteBuffer header = ByteBuffer.allocate(SegmentFormat.HEADER_BYTES);
        SegmentFormat.putHeader(header, new SegmentFormat.SegmentHeader(SegmentFormat.VERSION, 2, 4, 0));
        Files.write(segment, header.array());
        Replayed replayed = log.replay();
        assertThat(replayed.entries()).hasSize(3);
        assertThat(replayed.report().tornBytes()).isEqualTo(7);
        assertThat(replayed.report().quarantined()).isZero();
    }

    @Test
    void aMissingSegmentIsReported() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(30, 100, SEED);
        Files.delete(log.segments().get(2));
        Replayed replayed = log.replay();
        assertThat(replayed.report().problems()).anyMatch(problem -> problem.contains("GAP"));
        assertThat(replayed.last()).isEqualTo(new SequenceNumber(30));
    }

    @Test
    void noFileOfTheFolderPreventsAStart() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        NavigableMap<Long, byte[]> written = log.write(3, 40, SEED);
        Files.write(log.directory.resolve("%020d.wal".formatted(7)), new byte[0]);
        Files.write(log.directory.resolve("%020d.wal".formatted(8)), new byte[4_096]);
        Files.write(log.directory.resolve("%020d.wal".formatted(9)), new byte[] {1, 2, 3});
        Files.write(log.directory.resolve("99999999999999999999.wal"), new byte[] {1});
        Files.write(log.directory.resolve("notes.txt"), new byte[] {1});
        Files.createDirectories(log.directory.resolve("%020d.wal".formatted(11)));
        byte[] random = new byte[10_000];
        new Random(SEED).nextBytes(random);
        Files.write(log.directory.resolve("%020d.wal".formatted(12)), random);
        Replayed replayed = log.replay();
        assertThat(WalFolder.isPartOf(written, replayed.entries())).isTrue();
        assertThat(replayed.entries()).hasSize(3);
        log.write(1, 10, SEED);
        assertThat(log.replay().entries()).hasSize(4);
    }

    @Test
    void entriesAreReadThoughTheirSegmentsHeaderIsDamaged() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        log.write(3, 40, SEED);
        flip(log.segments().getLast(), 30, 0xff);
        Replayed replayed = log.replay();
        assertThat(replayed.entries()).hasSize(3);
        assertThat(replayed.report().problems()).anyMatch(problem -> problem.contains("HEADER"));
    }

    @Test
    void aSegmentOfANewerVersionIsRefusedByName() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        log.write(1, 40, SEED);
        byte[] bytes = Files.readAllBytes(log.segments().getLast());
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(8, SegmentFormat.VERSION + 1);
        Files.write(log.segments().getLast(), bytes);
        assertThatThrownBy(log::replay)
                .isInstanceOf(WalVersionException.class)
                .hasMessageContaining("version 2")
                .hasMessageContaining("up to 1");
    }

    @Test
    void numbersGoOnWhenEverythingWasDeleted() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(30, 100, SEED);
        try (Wal wal = log.open()) {
            wal.replay((_, _) -> {});
            WalFolder.start(wal);
            wal.deleteBelow(new SequenceNumber(31));
            assertThat(wal.status().segments()).isEqualTo(1);
        }
        assertThat(log.replay().entries()).isEmpty();
        assertThat(log.replay().last()).isEqualTo(new SequenceNumber(30));
        assertThat(log.write(1, 10, SEED).firstKey()).isEqualTo(31);
    }

    @Test
    void theInspectorSeesWhatReplaySeesAndChangesNothing() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        NavigableMap<Long, byte[]> written = log.write(20, 60, SEED);
        truncate(log.segments().getLast(), Files.size(log.segments().getLast()) - 1);
        WalInspector inspector = new WalInspector(log.directory);
        TreeMap<Long, byte[]> seen = new TreeMap<>();
        inspector.entries(5, 8, entry -> seen.put(entry.sequence(), entry.payload()));
        assertThat(seen.keySet()).containsExactly(5L, 6L, 7L, 8L);
        assertThat(WalFolder.isPartOf(seen, written)).isTrue();
        assertThat(inspector.verify())
                .singleElement()
                .satisfies(problem -> assertThat(problem.kind()).isEqualTo(WalProblem.Kind.TORN_TAIL));
        assertThat(inspector.segments()).hasSize(log.segments().size());
        assertThat(inspector.verify()).hasSize(1);
    }
}
