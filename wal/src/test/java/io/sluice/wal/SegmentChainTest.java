package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.wal.QuarantineFolder.Item;
import io.sluice.wal.WalFolder.Replayed;
import io.sluice.wal.WalProblem.Kind;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two copies of one log are written to, and segments of both come into one folder: rows of the other are never handed
/// out as this log's, and never lost without a word. ARCHITECTURE.md, invariants 2, 4 and 8.
final class SegmentChainTest {
    private static final long SEGMENT_BYTES = 16 << 10;
    private static final int PAYLOAD_BYTES = 4_000;
    private static final UUID STRANGER = new UUID(8, 9);

    @TempDir
    private Path folder;

    private WalFolder ours() {
        return new WalFolder(folder.resolve("ours"), SEGMENT_BYTES);
    }

    /// A log of 20 entries, and a copy of it; each went on with other entries of the same number and length.
    private record Copies(WalFolder ours, NavigableMap<Long, byte[]> written, WalFolder theirs) {}

    /// With the files that are ready to become segments, so that both give out the same ids.
    private WalFolder copy(WalFolder ours) throws IOException {
        WalFolder theirs = ours.copyTo(folder.resolve("theirs"));
        try (Stream<Path> files = Files.list(ours.directory)) {
            for (Path spare :
                    files.filter(file -> file.toString().endsWith(".spare")).toList()) {
                Files.copy(spare, theirs.directory.resolve(spare.getFileName()));
            }
        }
        return theirs;
    }

    private Copies copies(int oursMore, int theirsMore) throws Exception {
        WalFolder ours = ours();
        ours.write(20, PAYLOAD_BYTES, 1);
        WalFolder theirs = copy(ours);
        NavigableMap<Long, byte[]> written = ours.write(oursMore, PAYLOAD_BYTES, 2);
        theirs.write(theirsMore, PAYLOAD_BYTES, 3);
        return new Copies(ours, written, theirs);
    }

    /// Adds the segments of `theirs` whose names are free.
    private static List<Path> mix(Copies copies) throws IOException {
        List<Path> added = copies.theirs().segments().stream()
                .map(file -> copies.ours().directory.resolve(file.getFileName()))
                .filter(Files::notExists)
                .toList();
        for (Path file : added) {
            Files.copy(copies.theirs().directory.resolve(file.getFileName()), file);
        }
        assertThat(added).isNotEmpty();
        return added;
    }

    private static void requireOnly(NavigableMap<Long, byte[]> written, Replayed replayed) {
        assertThat(replayed.entries().keySet()).isEqualTo(written.keySet());
        assertThat(WalFolder.isPartOf(replayed.entries(), written)).isTrue();
    }

    @Test
    void segmentsOfACopyAreSetAsideWholeAndReported() throws Exception {
        Copies copies = copies(10, 60);
        List<Path> added = mix(copies);
        byte[] first = Files.readAllBytes(added.getFirst());
        Replayed replayed = copies.ours().replay();
        requireOnly(copies.written(), replayed);
        assertThat(replayed.report().quarantined()).isEqualTo(added.size());
        assertThat(replayed.report().lostEntries()).isPositive();
        assertThat(replayed.report().problems())
                .hasSize(added.size())
                .allSatisfy(problem -> assertThat(problem).contains("OTHER_LOG", "a copy of this log"));
        List<Item> items =
                new QuarantineFolder(copies.ours().directory).contents().items();
        assertThat(items).hasSameSizeAs(added);
        assertThat(items.stream().mapToLong(item -> item.loss().entries()).sum())
                .isEqualTo(replayed.report().lostEntries());
        assertThat(Files.readAllBytes(items.getFirst().file())).isEqualTo(first);
        Replayed again = copies.ours().replay();
        assertThat(again.report().problems()).isEmpty();
        requireOnly(copies.written(), again);
        // The log goes on, and what comes now is its own.
        NavigableMap<Long, byte[]> more = copies.ours().write(10, PAYLOAD_BYTES, 4);
        requireOnly(more, copies.ours().replay());
    }

    /// Each has given out the same numbers, and the first segment that is added goes on with the next one.
    @Test
    void aSegmentOfACopyThatBeginsWithTheVeryNextNumberIsSetAsideToo() throws Exception {
        WalFolder ours = ours();
        ours.write(3, 40, 1);
        WalFolder theirs = copy(ours);
        NavigableMap<Long, byte[]> written = ours.write(2, 40, 2);
        theirs.write(2, 40, 3);
        theirs.write(2, 40, 4);
        List<Path> added = mix(new Copies(ours, written, theirs));
        assertThat(header(added.getFirst()).firstSequence()).isEqualTo(6);
        requireOnly(written, ours.replay());
    }

    private static SegmentHeader header(Path segment) throws IOException {
        return SegmentDirectory.header(segment).orElseThrow();
    }

    @Test
    void whoWantsNoDamageRefusesToStartAndChangesNothing() throws Exception {
        Copies copies = copies(10, 60);
        List<Path> added = mix(copies);
        WalFolder ours = copies.ours();
        ours.policy = CorruptionPolicy.FAIL;
        List<Path> before = ours.segments();
        assertThatThrownBy(ours::replay)
                .isInstanceOf(CorruptEntryException.class)
                .hasMessageContaining(added.getFirst().toString())
                .hasMessageContaining("OTHER_LOG")
                .hasMessageContaining("a copy of this log");
        assertThat(ours.segments()).isEqualTo(before);
        added.forEach(file -> assertThat(file.toFile().delete()).isTrue());
        requireOnly(copies.written(), ours.replay());
    }

    /// The first segments behind the common ones have different names, and both say truly what they are behind.
    @Test
    void ofTwoBranchesOneIsKeptAndNotMixedWithTheOther() throws Exception {
        WalFolder ours = ours();
        NavigableMap<Long, byte[]> common = ours.write(20, PAYLOAD_BYTES, 1);
        WalFolder theirs = ours.copyTo(folder.resolve("theirs")); // without the spares: other ids
        NavigableMap<Long, byte[]> written = ours.write(30, PAYLOAD_BYTES, 2);
        NavigableMap<Long, byte[]> other = theirs.write(30, PAYLOAD_BYTES, 3);
        mix(new Copies(ours, written, theirs));
        Replayed replayed = ours.replay();
        boolean isOurs = WalFolder.isPartOf(replayed.entries(), written);
        boolean isTheirs = WalFolder.isPartOf(replayed.entries(), other);
        assertThat(isOurs).isNotEqualTo(isTheirs);
        assertThat(replayed.entries()).hasSizeGreaterThan(common.size());
        assertThat(replayed.report().problems()).anyMatch(problem -> problem.contains("OTHER_LOG"));
        assertThat(replayed.report().lostEntries()).isPositive();
    }

    /// A copy whose catalog has everything in files says so in its segments; ours are not in these files.
    @Test
    void whatACopyHasInFilesLetsNoSegmentGo() throws Exception {
        WalFolder ours = ours();
        ours.write(20, PAYLOAD_BYTES, 1);
        WalFolder theirs = copy(ours);
        NavigableMap<Long, byte[]> written = ours.write(10, PAYLOAD_BYTES, 2);
        try (Wal wal = theirs.open()) {
            wal.replay((_, _) -> {}, WalFolder.THREADS);
            WalFolder.start(wal);
            for (int i = 0; i < 60; i++) {
                wal.deleteBelow(WalFolder.append(wal, new byte[PAYLOAD_BYTES]).get());
            }
        }
        mix(new Copies(ours, written, theirs));
        requireOnly(written, ours.replay());
    }

    @Test
    void segmentsOfAnotherIngesterAreSetAside() throws Exception {
        WalFolder ours = ours();
        NavigableMap<Long, byte[]> written = ours.write(3, 40, 1);
        WalFolder others = new WalFolder(folder.resolve("others"), SEGMENT_BYTES);
        try (Wal wal = others.open()) {
            wal.start(WalFolder.numbersFrom(wal.lastSequence()), STRANGER, WalFolder.THREADS, _ -> {});
            for (int i = 0; i < 40; i++) {
                var _ = WalFolder.append(wal, new byte[PAYLOAD_BYTES]).get();
            }
        }
        mix(new Copies(ours, written, others));
        Replayed replayed = ours.replay();
        requireOnly(written, replayed);
        assertThat(replayed.report().problems())
                .isNotEmpty()
                .allSatisfy(problem -> assertThat(problem).contains(STRANGER.toString(), WalFolder.OWNER.toString()));
    }

    /// The folder says who it belongs to, and all of its segments are somebody else's.
    @Test
    void whoTheLogBelongsToIsBelievedBeforeItsFirstSegment() throws Exception {
        WalFolder ours = ours();
        ours.write(3, 40, 1);
        try (Wal wal = ours.open()) {
            wal.belongsTo(STRANGER);
            TreeMap<Long, byte[]> entries = new TreeMap<>();
            wal.replay((sequence, payload) -> entries.put(sequence.value(), payload), WalFolder.THREADS);
            assertThat(entries).isEmpty();
        }
        assertThat(new QuarantineFolder(ours.directory).contents().loss().entries())
                .isEqualTo(3);
    }

    @Test
    void verifyTellsThemAndDumpLeavesThemOut() throws Exception {
        Copies copies = copies(10, 60);
        List<Path> added = mix(copies);
        WalInspector inspector = new WalInspector(copies.ours().directory, WalFolder.THREADS);
        assertThat(inspector.verify())
                .filteredOn(problem -> problem.kind() == Kind.OTHER_LOG)
                .extracting(WalProblem::file)
                .isEqualTo(added);
        TreeMap<Long, byte[]> dumped = new TreeMap<>();
        inspector.entries(1, Long.MAX_VALUE, entry -> dumped.put(entry.sequence(), entry.payload()));
        assertThat(dumped.keySet()).isEqualTo(copies.written().keySet());
        assertThat(WalFolder.isPartOf(dumped, copies.written())).isTrue();
    }

    /// The segment behind one whose header was damaged, and put right, has the link of the damaged one.
    @Test
    void aHeaderThatWasPutRightCostsNoSegmentBehindIt() throws Exception {
        WalFolder ours = ours();
        NavigableMap<Long, byte[]> written = ours.write(40, PAYLOAD_BYTES, 1);
        Path damaged = ours.segments().get(2);
        try (FileChannel channel = FileChannel.open(damaged, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {1}), 33);
        }
        for (int start = 0; start < 2; start++) {
            Replayed replayed = ours.replay();
            requireOnly(written, replayed);
            assertThat(replayed.report().problems()).hasSize(start == 0 ? 1 : 0);
            written = ours.write(2, PAYLOAD_BYTES, 5 + start);
        }
    }

    /// As the first servers wrote them: where the link is now was the header's length.
    @Test
    void aLogWithoutLinksIsReadAndOneOfItsCopiesIsTold() throws Exception {
        Copies copies = copies(10, 60);
        for (Path segment : copies.ours().segments()) {
            unlink(segment);
        }
        for (Path segment : copies.theirs().segments()) {
            unlink(segment);
        }
        requireOnly(copies.written(), copies.ours().replay());
        mix(copies);
        Replayed replayed = copies.ours().replay();
        assertThat(replayed.report().problems()).anyMatch(problem -> problem.contains("OTHER_LOG"));
        assertThat(WalFolder.isPartOf(copies.written(), replayed.entries())).isTrue();
    }

    private static void unlink(Path segment) throws IOException {
        byte[] bytes = Files.readAllBytes(segment);
        SegmentHeader header = SegmentFormat.header(Arrays.copyOf(bytes, SegmentFormat.HEADER_BYTES));
        SegmentFormat.putHeader(
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN),
                new SegmentHeader(
                        header.version(),
                        SegmentFormat.UNLINKED,
                        header.segmentId(),
                        header.firstSequence(),
                        header.createdAtMillis(),
                        header.firstNeeded(),
                        header.owner()));
        Files.write(segment, bytes);
    }

    /// A second segment of the same name comes beside the first in the quarantine, not over it.
    @Test
    void whatWasSetAsideBeforeStays() throws Exception {
        Copies copies = copies(10, 60);
        List<Path> added = mix(copies);
        Path kept = folder.resolve("kept");
        Files.copy(added.getFirst(), kept);
        copies.ours().replay();
        Files.copy(kept, added.getFirst(), StandardCopyOption.REPLACE_EXISTING);
        try (Wal wal = Wal.open(
                copies.ours().settings(),
                copies.ours().disk,
                Clock.systemUTC(),
                System::nanoTime,
                new SimpleMeterRegistry())) {
            assertThat(wal.replay((_, _) -> {}, WalFolder.THREADS).quarantined())
                    .isEqualTo(1);
        }
        QuarantineFolder quarantine = new QuarantineFolder(copies.ours().directory);
        assertThat(quarantine.contents().items()).hasSize(added.size() + 1).allSatisfy(item -> {
            assertThat(item.origin()).isInstanceOf(QuarantineFolder.Origin.OtherLog.class);
            assertThat(item.loss().entries()).isPositive();
        });
        for (QuarantineFolder.Item item : quarantine.contents().items()) {
            quarantine.discard(item);
        }
        assertThat(quarantine.directory()).isEmptyDirectory();
    }
}
