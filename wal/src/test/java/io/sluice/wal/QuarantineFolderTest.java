package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.QuarantineFolder.Item;
import io.sluice.wal.QuarantineFolder.Loss;
import io.sluice.wal.QuarantineFolder.Origin;
import io.sluice.wal.WalInspector.SegmentInfo;
import io.sluice.wal.format.SegmentFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class QuarantineFolderTest {
    private static final long ARBITRARY_SEED = 3;

    @TempDir
    private Path folder = Path.of("");

    private Path quarantine() {
        return folder.resolve("quarantine");
    }

    @Test
    void aCopyOfDamageIsListedWithItsSegmentAndPlace() throws Exception {
        WalFolder log = new WalFolder(folder, 1 << 20);
        log.write(3, 60, ARBITRARY_SEED);
        Path segment = log.segments().getFirst();
        byte[] bytes = Files.readAllBytes(segment);
        bytes[SegmentFormat.HEADER_BYTES + SegmentFormat.ENTRY_HEADER_BYTES] ^= 1;
        Files.write(segment, bytes);
        assertThat(log.replay().report().quarantined()).isEqualTo(1);

        QuarantineFolder set = new QuarantineFolder(folder);
        Item item = set.contents().items().getFirst();
        assertThat(item.origin())
                .isEqualTo(new Origin.Stretch(segment.getFileName().toString(), SegmentFormat.HEADER_BYTES));
        assertThat(item.sizeBytes()).isEqualTo(Files.size(item.file())).isPositive();
        assertThat(set.contents().bytes()).isEqualTo(item.sizeBytes());
        assertThat(item.loss()).isEqualTo(new Loss(1, item.sizeBytes()));
        assertThat(log.replay().report().lostEntries()).as("repaired").isZero();
        assertThat(set.contents().loss()).as("told until it is discarded").isEqualTo(item.loss());
        set.discard(item);
        set.discard(item);
        assertThat(set.contents().items()).isEmpty();
        assertThat(set.directory()).isEmptyDirectory();
        assertThat(log.replay().report().quarantined()).isZero();
    }

    @Test
    void aLossIsToldThoughTheDiscardOfItsCopyWasCutShort() throws Exception {
        Files.createDirectory(quarantine());
        Path record = Files.write(quarantine().resolve("00000000000000000001.wal.64.lost-2-80"), new byte[9]);
        QuarantineFolder set = new QuarantineFolder(folder);
        Item item = set.contents().items().getFirst();
        assertThat(item)
                .isEqualTo(new Item(record, 9, new Origin.Stretch("00000000000000000001.wal", 64), new Loss(2, 80)));
        set.discard(item);
        assertThat(quarantine()).isEmptyDirectory();
    }

    @Test
    void entriesThatAreMissingBetweenSegmentsAreALossOnceHoweverOftenTheyAreFound() throws Exception {
        WalFolder log = new WalFolder(folder, 4_096);
        log.write(30, 2_000, ARBITRARY_SEED);
        Files.delete(log.segments().get(2));
        long lost = log.replay().report().lostEntries();
        assertThat(lost).isPositive();
        assertThat(log.replay().report().lostEntries()).isEqualTo(lost);
        QuarantineFolder set = new QuarantineFolder(folder);
        assertThat(set.contents().loss()).isEqualTo(new Loss(lost, 0));
        assertThat(set.contents().items().getFirst().origin()).isInstanceOf(Origin.Gap.class);
    }

    /// The same damage, found again because the start before was cut short, is one loss.
    @Test
    void aRecordIsReplacedByTheSameOne() throws Exception {
        Path segment = Files.write(folder.resolve("00000000000000000001.wal"), new byte[500]);
        for (int i = 0; i < 2; i++) {
            new Quarantine(new RealDisk(false), folder).damage(problem(segment, 64), 2);
        }
        assertThat(new QuarantineFolder(folder).contents().items())
                .singleElement()
                .satisfies(item -> assertThat(item.loss()).isEqualTo(new Loss(2, 10)));
    }

    @Test
    void damageOfWhichNoCopyIsKeptIsCountedAllTheSame() throws Exception {
        Path segment = Files.write(folder.resolve("00000000000000000001.wal"), new byte[500]);
        Quarantine quarantine = new Quarantine(new RealDisk(false), folder, 2);
        for (int i = 0; i < 6; i++) {
            quarantine.damage(problem(segment, 64 + 20 * i), 3);
        }
        QuarantineFolder.Contents contents = new QuarantineFolder(folder).contents();
        assertThat(contents.loss()).isEqualTo(new Loss(18, 60));
        assertThat(contents.items())
                .extracting(Item::origin)
                .containsExactly(
                        new Origin.Further("00000000000000000001.wal", 164),
                        new Origin.Stretch("00000000000000000001.wal", 64),
                        new Origin.Stretch("00000000000000000001.wal", 84));
    }

    private static WalProblem problem(Path segment, long position) {
        return new WalProblem(WalProblem.Kind.CORRUPT, segment, position, 10, "made up");
    }

    @Test
    void onlyWhatTheLogPutsThereIsAnItem() throws Exception {
        assertThat(new QuarantineFolder(folder).contents().items()).isEmpty();
        Files.createDirectory(quarantine());
        List<String> items = List.of(
                "00000000000000000001.spare.0",
                "00000000000000000001.wal.64",
                QuarantineFolder.writeName(new SequenceNumber(Long.MAX_VALUE)),
                "write-09999999999999999999.tmp");
        List<String> others = List.of(
                "00000000000000000001.wal", "1.wal.64", "notes.txt", "write-99999999999999999999.bin", "write-x.bin");
        for (String name : items) {
            Files.write(quarantine().resolve(name), new byte[5]);
        }
        for (String name : others) {
            Files.write(quarantine().resolve(name), new byte[5]);
        }
        Path subfolder = Files.createDirectory(quarantine().resolve("00000000000000000002.wal.64"));
        QuarantineFolder.Contents contents = new QuarantineFolder(folder).contents();
        List<String> expected = new ArrayList<>(items);
        // More than a number can be.
        expected.remove("write-09999999999999999999.tmp");
        assertThat(contents.items())
                .extracting(item -> item.file().getFileName().toString())
                .containsExactlyInAnyOrderElementsOf(expected);
        assertThat(contents.foreign()).contains(subfolder).hasSize(others.size() + 2);
        assertThat(contents.bytes()).isEqualTo(15);
    }

    @Test
    void aSegmentTellsHowMuchOfItIsUsedAndWhoseItIs() throws Exception {
        WalFolder log = new WalFolder(folder, 1 << 20);
        NavigableMap<Long, byte[]> written = log.write(5, 300, ARBITRARY_SEED);
        long usedBytes = SegmentFormat.HEADER_BYTES;
        for (byte[] payload : written.values()) {
            usedBytes += SegmentFormat.entryBytes(payload.length);
        }
        // Torn bytes behind the last entry are not used.
        Path segment = log.segments().getFirst();
        byte[] bytes = Files.readAllBytes(segment);
        bytes[(int) usedBytes + 3] = 7;
        Files.write(segment, bytes);
        List<Long> numbers = new ArrayList<>();
        List<SegmentInfo> segments = new ArrayList<>();
        new WalInspector(folder, WalFolder.THREADS)
                .look(
                        entry -> {
                            assertThat(segments)
                                    .as("a segment comes behind its entries")
                                    .isEmpty();
                            numbers.add(entry.sequence());
                        },
                        segments::add);
        assertThat(numbers).containsExactlyElementsOf(written.keySet());
        assertThat(segments.getFirst().usedBytes()).isEqualTo(usedBytes);
        assertThat(segments.getFirst().sizeBytes()).isEqualTo(bytes.length);
        assertThat(segments.getFirst().owner()).contains(WalFolder.OWNER);
    }
}
