package io.sluice.wal.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.wal.format.SegmentFormat.EntryHeader;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class SegmentFormatTest {
    private static final SegmentHeader HEADER =
            new SegmentHeader(SegmentFormat.VERSION, 6, 7, 100, 1_700_000_000_000L, 90, new UUID(3, 4));

    private static byte[] header() {
        ByteBuffer bytes = ByteBuffer.allocate(SegmentFormat.HEADER_BYTES);
        SegmentFormat.putHeader(bytes, HEADER);
        return bytes.array();
    }

    @Test
    void aHeaderIsReadAsItWasWritten() {
        assertThat(SegmentFormat.header(header())).isEqualTo(HEADER);
    }

    @Test
    void aHeaderWithAnyByteChangedIsRefused() {
        for (int i = 0; i < SegmentFormat.HEADER_BYTES; i++) {
            byte[] damaged = header();
            damaged[i] ^= 0x10;
            assertThatThrownBy(() -> SegmentFormat.header(damaged)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void theChecksumOfAnEntryCoversEverythingInIt() {
        int checksum = SegmentFormat.entryChecksum(1, 10, 5, SegmentFormat.KIND_WRITE, 0, 42);
        assertThat(SegmentFormat.entryChecksum(2, 10, 5, SegmentFormat.KIND_WRITE, 0, 42))
                .as("another segment, as in a recycled file")
                .isNotEqualTo(checksum);
        assertThat(SegmentFormat.entryChecksum(1, 11, 5, SegmentFormat.KIND_WRITE, 0, 42))
                .isNotEqualTo(checksum);
        assertThat(SegmentFormat.entryChecksum(1, 10, 6, SegmentFormat.KIND_WRITE, 0, 42))
                .isNotEqualTo(checksum);
        assertThat(SegmentFormat.entryChecksum(1, 10, 5, 2, 0, 42)).isNotEqualTo(checksum);
        assertThat(SegmentFormat.entryChecksum(1, 10, 5, SegmentFormat.KIND_WRITE, 1, 42))
                .isNotEqualTo(checksum);
        assertThat(SegmentFormat.entryChecksum(1, 10, 5, SegmentFormat.KIND_WRITE, 0, 43))
                .isNotEqualTo(checksum);
    }

    @Test
    void anEntryHeaderIsReadAsItWasWritten() {
        ByteBuffer bytes = ByteBuffer.allocate(SegmentFormat.ENTRY_HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        SegmentFormat.putEntryHeader(bytes, 7, 33, 101, SegmentFormat.KIND_WRITE, 3, 42);
        EntryHeader entry = SegmentFormat.entryHeader(bytes, 0);
        assertThat(entry)
                .isEqualTo(new EntryHeader(
                        33,
                        SegmentFormat.entryChecksum(7, 33, 101, SegmentFormat.KIND_WRITE, 3, 42),
                        101,
                        SegmentFormat.KIND_WRITE,
                        3));
        assertThat(entry.groupFirst()).isEqualTo(98);
        assertThat(entry.sizeBytes()).isEqualTo(64);
        assertThat(entry.isPlausible(SegmentFormat.ENTRY_HEADER_BYTES + 33)).isTrue();
        assertThat(entry.isPlausible(SegmentFormat.ENTRY_HEADER_BYTES + 32)).isFalse();
    }

    @Test
    void zerosAreNoEntry() {
        assertThat(new EntryHeader(0, 0, 0, 0, 0).isPlausible(1_000)).isFalse();
    }
}
