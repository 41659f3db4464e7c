package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.wal.format.SegmentFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Starts on logs that were damaged: ARCHITECTURE.md, invariant 8.
final class DamagedLogIT {
    private static final int WRITES = 30;
    private static final String PADDING = "x".repeat(20_000);

    @TempDir
    private static Path written = Path.of("");

    @TempDir
    private Path folder = Path.of("");

    private Path data = Path.of("");

    /// A log of several segments, three or four writes in each, the last with a short one alone at its end.
    @BeforeAll
    static void writeLog() throws Exception {
        try (SluiceServer server = SluiceServer.start(written, "--wal-segment-bytes", "64KiB")) {
            for (int mark = 1; mark < WRITES; mark++) {
                Marks.write(server, "m", mark, PADDING);
            }
            Marks.write(server, "m", WRITES);
            server.kill();
        }
    }

    @BeforeEach
    void copyLog() throws IOException {
        data = folder.resolve("data");
        Folders.copy(written, data);
    }

    private static List<Integer> marks(int from, int to) {
        return IntStream.rangeClosed(from, to).boxed().toList();
    }

    /// Flips a byte in the first entry's payload.
    private static void damageFirstEntry(Path segment) throws IOException {
        byte[] bytes = Files.readAllBytes(segment);
        int position = SegmentFormat.HEADER_BYTES + SegmentFormat.ENTRY_HEADER_BYTES + 100;
        bytes[position] ^= 0x55;
        Files.write(segment, bytes);
    }

    /// Cuts a few bytes off the last entry.
    private static void tear(Path segment) throws IOException {
        byte[] bytes = Files.readAllBytes(segment);
        int end = bytes.length;
        while (bytes[end - 1] == 0) {
            end--;
        }
        Files.write(segment, Arrays.copyOf(bytes, end - 5));
    }

    @Test
    void aDamagedEntryIsQuarantinedAndAllOthersAreThere() throws Exception {
        List<Path> segments = Folders.segments(data);
        assertThat(segments).hasSizeGreaterThan(4);
        Path damaged = segments.get(segments.size() / 2);
        damageFirstEntry(damaged);

        // Who would rather not start is told what is wrong, and nothing is changed.
        Exit refused = Exit.of("serve", "--data-dir", data.toString(), "--wal-on-corruption", "fail");
        assertThat(refused.code()).isEqualTo(74);
        assertThat(refused.error()).contains(damaged.toString()).contains("CORRUPT");

        try (SluiceServer server = SluiceServer.start(data)) {
            List<Integer> found = Marks.find(server, data, "m");
            assertThat(found).hasSize(WRITES - 1).doesNotHaveDuplicates();
            assertThat(marks(1, WRITES)).containsAll(found);
            assertThat(server.log()).anyMatch(line -> line.contains("ERROR") && line.contains(damaged.toString()));
            assertThat(server.status().get("replay").get("quarantined").asInt()).isEqualTo(1);
            assertThat(server.status().get("last_errors").toString()).contains(damaged.toString());
            assertThat(data.resolve("wal/quarantine")).isNotEmptyDirectory();
            Marks.write(server, "m", WRITES + 1);
            assertThat(server.stop()).isZero();
        }
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(Marks.find(server, data, "m")).hasSize(WRITES).doesNotHaveDuplicates();
            assertThat(server.status().get("replay").get("quarantined").asInt()).isZero();
            // What is set aside is told of until somebody discards it, also while the server runs.
            assertThat(server.log())
                    .anyMatch(line ->
                            line.contains("WARN") && line.contains("1 files") && line.contains("1 entries were lost"));
            assertThat(server.status().at("/log/quarantine/files").asInt()).isEqualTo(1);
            assertThat(server.status().at("/log/quarantine/bytes").asLong()).isPositive();
            assertThat(server.status().at("/log/quarantine/lost_entries").asInt())
                    .isEqualTo(1);
            assertThat(server.status().at("/log/quarantine/lost_bytes").asLong())
                    .isPositive();
            assertThat(server.get("/metrics").body())
                    .contains("sluice_wal_quarantine_files 1.0", "sluice_wal_quarantine_lost_entries 1.0");
            Exit listed = Exit.of("wal", "quarantine", "--discard", "--data-dir", data.toString());
            assertThat(listed.code()).isZero();
            assertThat(listed.output())
                    .contains("damage in segment " + damaged.getFileName())
                    .contains("1 files")
                    .contains("1 entries lost");
            assertThat(server.status().at("/log/quarantine/files").asInt(-1)).isZero();
            assertThat(server.get("/metrics").body())
                    .contains("sluice_wal_quarantine_files 0.0", "sluice_wal_quarantine_lost_entries 0.0");
        }
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.log()).noneMatch(line -> line.contains("set aside"));
        }
    }

    @Test
    void aTornTailAForeignFileAndAnEmptySegmentAreToldOfAndKeepNothingFromStarting() throws Exception {
        Path last = Folders.segments(data).getLast();
        tear(last);
        long lastId = Long.parseLong(last.getFileName().toString().replace(".wal", ""));
        Path empty = Files.createFile(data.resolve("wal/%020d.wal".formatted(lastId + 101)));
        Path foreign = Files.writeString(data.resolve("wal/notes.txt"), "not ours");
        Path subfolder = Files.createDirectory(data.resolve("wal/%020d.wal".formatted(lastId + 102)));
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(Marks.find(server, data, "m")).isEqualTo(marks(1, WRITES - 1));
            assertThat(server.status().get("replay").get("torn_bytes").asLong()).isPositive();
            assertThat(server.status().get("replay").get("quarantined").asInt()).isZero();
            String errors = server.status().get("last_errors").toString();
            assertThat(errors).contains(last + ": TORN_TAIL", empty + ": EMPTY");
            assertThat(errors).contains(foreign + ": FOREIGN", subfolder + ": FOREIGN");
            Marks.write(server, "m", WRITES + 1);
            server.kill();
        }
        assertThat(foreign).hasContent("not ours");
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(Marks.find(server, data, "m"))
                    .isEqualTo(IntStream.rangeClosed(1, WRITES + 1)
                            .filter(mark -> mark != WRITES)
                            .boxed()
                            .toList());
            assertThat(server.status().get("replay").get("torn_bytes").asLong()).isZero();
        }
    }

    @Test
    void aSegmentOfANewerVersionIsNotTouchedAndTheStartIsRefused() throws Exception {
        Path segment = Folders.segments(data).getLast();
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(segment)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(8, SegmentFormat.VERSION + 1);
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.array(), 0, 60);
        bytes.putInt(60, (int) checksum.getValue());
        Files.write(segment, bytes.array());
        Exit refused = Exit.of("serve", "--data-dir", data.toString());
        assertThat(refused.code()).isEqualTo(74);
        assertThat(refused.error())
                .contains(segment.toString(), "version " + (SegmentFormat.VERSION + 1), "start the newer version");
        assertThat(Files.readAllBytes(segment)).isEqualTo(bytes.array());
    }
}
