package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Files of all lengths are read as they are: short ones through the page cache, long ones with direct I/O.
final class ReadAheadTest {
    private static final int LOOKS = 50;
    private static final int LOOK_BYTES = 10_000;

    @TempDir
    private Path folder;

    private final Random random = new Random(1);
    private final ReadAheadBuffers buffers =
            new ReadAheadBuffers(Thread.ofPlatform().factory());

    @AfterEach
    void close() {
        buffers.close();
    }

    private Path file(byte[] content) throws IOException {
        return Files.write(folder.resolve("segment"), content);
    }

    private byte[] content(int length) {
        byte[] content = new byte[length];
        random.nextBytes(content);
        return content;
    }

    @ParameterizedTest
    @ValueSource(
            ints = {1, 4_096, 65_541, (1 << 20) + 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (5 << 20) + 4_096, 7_654_321
            })
    void aFileIsReadFromEndToEnd(int length) throws IOException {
        byte[] content = content(length);
        CRC32C expected = new CRC32C();
        expected.update(content);
        try (ReadAhead file = new ReadAhead(file(content), buffers)) {
            assertThat(file.sizeBytes()).isEqualTo(length);
            for (int time = 0; time < 2; time++) {
                CRC32C found = new CRC32C();
                file.update(found, 0, length);
                assertThat(found.getValue()).isEqualTo(expected.getValue());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {200_000, (5 << 20) + 123})
    void aFileIsReadAnywhere(int length) throws IOException {
        byte[] content = content(length);
        try (ReadAhead file = new ReadAhead(file(content), buffers)) {
            byte[] found = new byte[LOOK_BYTES];
            for (int look = 0; look < LOOKS; look++) {
                int at = random.nextInt(length);
                int count = Math.min(LOOK_BYTES, length - at);
                file.copy(at, found, count);
                assertThat(Arrays.copyOf(found, count)).isEqualTo(Arrays.copyOfRange(content, at, at + count));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {200_000, (5 << 20) + 123})
    void aFileThatBecomesShorterIsToldOf(int length) throws IOException {
        Path path = file(content(length));
        try (ReadAhead file = new ReadAhead(path, buffers);
                FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.truncate(length / 2);
            assertThatThrownBy(() -> file.update(new CRC32C(), 0, length))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("segment: shorter than its %d bytes".formatted(length));
        }
    }

    @Test
    void whatAnotherWritesThroughThePageCacheIsSeen() throws IOException {
        byte[] content = content((5 << 20) + 123);
        Path path = file(content);
        byte[] other = content(LOOK_BYTES);
        int at = 3_333_333;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.position(at);
            channel.write(ByteBuffer.wrap(other));
        }
        try (ReadAhead file = new ReadAhead(path, buffers)) {
            byte[] found = new byte[LOOK_BYTES];
            file.copy(at, found, LOOK_BYTES);
            assertThat(found).isEqualTo(other);
        }
    }
}
