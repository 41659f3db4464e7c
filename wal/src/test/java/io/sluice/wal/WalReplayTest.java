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
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a start makes of what it finds: ARCHITECTURE.md, invariants 1, 7, 8 and 9.
final class WalReplayTest {
    private static final long ONE_SEGMENT = 1 << 16;
    private static final long SMALL_SEGMENTS = 4_096;
    private static final int LARGE_PAYLOAD = 1_500;
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
        log.write(30, LARGE_PAYLOAD, SEED);
        NavigableMap<Long, byte[]> written = log.write(30, LARGE_PAYLOAD, SEED + 1);
        Replayed replayed = log.replay();
        assertThat(written).hasSize(60);
        assertThat(WalFolder.isPartOf(written, replayed.entries())).isTrue();
        assertThat(replayed.entries()).hasSize(60);
        assertThat(replayed.report().problems()).isEmpty();
        assertThat(replayed.report().segments()).isGreaterThan(5);
        assertThat(replayed.last()).isEqualTo(new SequenceNumber(60));
    }

    /// Entries around the lengths of a block, a segment and the buffer in which entries are gathered, in any order.
    @Test
    void entriesOfAnyLengthComeBackInTheirOrder() throws Exception {
        int[] around = {1, 4_008, 4_096, 8_192, 65_536 - 64 - 24, 65_536, 4 << 20, (4 << 20) + 4_096};
        Random random = new Random(SEED);
        WalFolder log = log(ONE_SEGMENT);
        TreeMap<Long, byte[]> written = new TreeMap<>();
        try (Wal wal = log.open()) {
            WalFolder.start(wal);
            for (int i = 0; i < 300; i++) {
                int choice = random.nextInt(i % 30 == 0 ? around.length : 6);
                byte[] payload = new byte[Math.max(1, around[choice] + random.nextInt(-40, 41))];
                random.nextBytes(payload);
                written.put(WalFolder.append(wal, payload).get().value(), payload);
            }
        }
        Replayed replayed = log.replay();
        assertThat(replayed.report().problems()).isEmpty();
        assertThat(replayed.entries()).hasSize(300);
        assertThat(WalFolder.isPartOf(replayed.entries(), written)).isTrue();
    }

    /// Files have room for more entries, which nobody has to wait for.
    @Test
    void progressGoesToTheLastEntryAndNotToTheFilesEnd() throws Exception {
        for (long segmentBytes : List.of(ONE_SEGMENT, SMALL_SEGMENTS)) {
            WalFolder log = new WalFolder(folder.resolve("wal-" + segmentBytes), segmentBytes);
            log.write(10, LARGE_PAYLOAD, SEED);
            log.write(10, LARGE_PAYLOAD, SEED); // begins another segment
            List<ReplayProgress> seen = progress(log);
            ReplayProgress end = seen.removeLast();
            assertThat(end.doneBytes()).isEqualTo(end.totalBytes()).isLessThan(20 * (LARGE_PAYLOAD + 64L));
            assertThat(seen).hasSize(20);
            for (int i = 1; i < seen.size(); i++) {
                assertThat(seen.get(i).totalBytes()).isEqualTo(end.totalBytes());
                assertThat(seen.get(i).doneBytes()).isBetween(seen.get(i - 1).doneBytes() + 1, end.totalBytes() - 1);
            }
            assertThat(end.totalBytes() - seen.getLast().doneBytes())
                    .as("the last entry")
                    .isLessThan(LARGE_PAYLOAD + 64L);
        }
    }

    /// More entries than are looked at beforehand.
    @Test
    void progressKnowsBeforehandAboutHowMuchThereIs() throws Exception {
        WalFolder log = log(ONE_SEGMENT);
        for (int start = 0; start < 3; start++) {
            log.write(200, 100, SEED + start);
        }
        List<ReplayProgress> seen = progress(log);
        ReplayProgress end = seen.removeLast();
        assertThat(end.doneBytes()).isEqualTo(end.totalBytes());
        assertThat((double) seen.getFirst().totalBytes() / end.totalBytes()).isBetween(0.75, 1.25);
        assertThat(seen).allMatch(progress -> progress.doneBytes() <= progress.totalBytes());
    }

    /// As of each entry, and at the end.
    private static List<ReplayProgress> progress(WalFolder log) throws Exception {
        List<ReplayProgress> seen = new ArrayList<>();
        try (Wal wal = log.open()) {
            wal.replay((_, _) -> seen.add(wal.replayProgress()), WalFolder.THREADS);
            seen.add(wal.replayProgress());
        }
        return seen;
    }

    /// Cuts the log at every byte. What is left replays to a prefix of what was written: never a hole or an invention.
    @Test
    void everyPrefixOfTheLogReplaysToAPrefixOfTheWrites() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        NavigableMap<Long, byte[]> written = log.write(8, 40, SEED);
        log.disk = new UnsyncedDisk();
        for (long sizeBytes = 800; sizeBytes >= 0; sizeBytes--) {
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
            assertThat(cut.replay().report().problems())
                    .as("the tail of a cut at %d is dealt with for good", sizeBytes)
                    .isEmpty();
        }
    }

    /// Whatever is changed, what comes back was written under that number, and what is missing is reported; the next
    /// start finds the same and nothing to complain of.
    @Test
    void anyChangedBitOfASmallLogCostsOneEntryAtMostAndNeverPassesInSilence() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(2, 10, SEED);
        NavigableMap<Long, byte[]> written = log.write(2, 10, SEED);
        log.disk = new UnsyncedDisk();
        List<Path> sound = log.segments();
        for (int index = 0; index < sound.size(); index++) {
            for (long bit = 0; bit < 8 * 144L; bit++) {
                WalFolder damaged = log.copyTo(folder.resolve("flip-%d-%d".formatted(index, bit)));
                flip(damaged.segments().get(index), bit / 8, 1 << (bit % 8));
                Replayed replayed = damaged.replay();
                assertThat(WalFolder.isPartOf(replayed.entries(), written))
                        .as("segment %d, bit %d", index, bit)
                        .isTrue();
                int missing = written.size() - replayed.entries().size();
                assertThat(missing).as("segment %d, bit %d", index, bit).isBetween(0, 1);
                if (missing > 0) {
                    assertThat(replayed.report().problems())
                            .as("segment %d, bit %d", index, bit)
                            .isNotEmpty();
                }
                if (bit % 7 == 0) {
                    Replayed again = damaged.replay();
                    assertThat(again.entries().keySet())
                            .as("segment %d, bit %d", index, bit)
                            .isEqualTo(replayed.entries().keySet());
                    assertThat(again.report().problems())
                            .as("segment %d, bit %d, second start", index, bit)
                            .isEmpty();
                }
            }
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
                .isEqualTo(SegmentFormat.entryBytes(written.firstEntry().getValue().length));
        assertThat(replayed.report().lostEntries()).isEqualTo(1);
        Replayed again = log.replay();
        assertThat(again.entries().keySet()).isEqualTo(replayed.entries().keySet());
        assertThat(again.report().problems()).isEmpty();
        assertThat(again.last()).isEqualTo(new SequenceNumber(5));
    }

    @Test
    void entriesOfAnEarlierUseOfTheFileAreNone() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        try (Wal wal = log.open()) {
            WalFolder.start(wal);
            for (int i = 0; i < 40; i++) {
                WalFolder.append(wal, new byte[900]).get();
                wal.deleteBelow(wal.lastSequence());
            }
            assertThat(wal.status().spareSegments()).isPositive();
        }
        Replayed replayed = log.replay();
        assertThat(replayed.last()).isEqualTo(new SequenceNumber(40));
        assertThat(replayed.entries().keySet()).isSubsetOf(37L, 38L, 39L, 40L).contains(40L);
        assertThat(replayed.report().problems()).isEmpty();
        NavigableMap<Long, byte[]> further = log.write(1, 10, SEED);
        assertThat(further.lastKey()).isEqualTo(41);
        assertThat(log.replay().entries().keySet()).isEqualTo(further.keySet());
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
        NavigableMap<Long, byte[]> written = log.write(3, 40, SEED);
        long end = SegmentFormat.HEADER_BYTES;
        for (byte[] payload : written.values()) {
            end += SegmentFormat.entryBytes(payload.length);
        }
        try (FileChannel channel = FileChannel.open(log.segments().getLast(), StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {9, 0, 0, 0, 1, 2, 3}), end);
        }
        // A start that ended before it had dealt with the tail, but had begun a segment.
        Path segment = log.directory.resolve("%020d.wal".formatted(99));
        ByteBuffer header = ByteBuffer.allocate(SegmentFormat.HEADER_BYTES);
        SegmentFormat.putHeader(
                header,
                new SegmentFormat.SegmentHeader(
                        SegmentFormat.VERSION, SegmentFormat.UNLINKED, 99, 4, 0, 1, WalFolder.OWNER));
        Files.write(segment, header.array());
        Replayed replayed = log.replay();
        assertThat(replayed.entries()).hasSize(3);
        assertThat(replayed.report().problems()).isEmpty();
    }

    @Test
    void aMissingSegmentIsReported() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(30, LARGE_PAYLOAD, SEED);
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
        ByteBuffer header =
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(8, SegmentFormat.VERSION + 1);
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, 60);
        header.putInt(60, (int) crc.getValue());
        Files.write(log.segments().getLast(), bytes);
        assertThatThrownBy(log::replay)
                .isInstanceOf(WalVersionException.class)
                .hasMessageContaining("version 2")
                .hasMessageContaining("up to 1");
    }

    @Test
    void numbersGoOnWhenEverythingWasDeleted() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(30, LARGE_PAYLOAD, SEED);
        try (Wal wal = log.open()) {
            wal.replay((_, _) -> {}, WalFolder.THREADS);
            WalFolder.start(wal);
            wal.deleteBelow(new SequenceNumber(31));
            assertThat(wal.status().segments()).isEqualTo(1);
        }
        assertThat(log.replay().entries()).isEmpty();
        assertThat(log.replay().last()).isEqualTo(new SequenceNumber(30));
        assertThat(log.write(1, 10, SEED).firstKey()).isEqualTo(31);
    }

    /// As rows may be in files before the server has begun its first segment: then the newest one alone tells the
    /// numbers.
    @Test
    void numbersGoOnWhenEverythingIsLetGoOfBeforeTheLogIsStarted() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        log.write(30, LARGE_PAYLOAD, SEED);
        try (Wal wal = log.open()) {
            wal.replay((_, _) -> {}, WalFolder.THREADS);
            wal.deleteBelow(new SequenceNumber(31));
            assertThat(wal.lastSequence()).isEqualTo(new SequenceNumber(30));
            assertThat(wal.status().segments()).isEqualTo(1);
        }
        try (Wal wal = log.open()) {
            wal.replay((_, _) -> {}, WalFolder.THREADS);
            wal.deleteBelow(new SequenceNumber(31));
            WalFolder.start(wal);
            assertThat(WalFolder.append(wal, new byte[1]).get()).isEqualTo(new SequenceNumber(31));
            wal.deleteBelow(new SequenceNumber(31));
            assertThat(wal.status().segments()).as("another one tells them now").isEqualTo(1);
        }
        assertThat(log.replay().entries().keySet()).containsExactly(31L);
    }

    @Test
    void theInspectorSeesWhatReplaySeesAndChangesNothing() throws Exception {
        WalFolder log = log(SMALL_SEGMENTS);
        NavigableMap<Long, byte[]> written = log.write(20, 60, SEED);
        Path last = log.segments().getLast();
        long end = SegmentFormat.HEADER_BYTES;
        for (byte[] payload : written.values()) {
            end += SegmentFormat.entryBytes(payload.length);
        }
        flip(last, end - 9, 1);
        WalInspector inspector = new WalInspector(log.directory, WalFolder.THREADS);
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
