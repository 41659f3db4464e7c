package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.FailingObjectStore;
import io.sluice.persist.store.ObjectUpload;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Util;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileVerifierTest {
    @TempDir
    Path folder;

    private PersistFixture fixture;
    private FileVerifier verifier;

    @BeforeEach
    void open() throws Exception {
        fixture = new PersistFixture(folder);
        verifier = new FileVerifier(fixture.store);
    }

    @AfterEach
    void noMemoryIsLeft() throws IOException {
        fixture.close();
    }

    private void put(String name, byte[] content) throws IOException {
        try (ObjectUpload upload = fixture.objects.upload(name)) {
            upload.out().write(content);
            upload.complete();
        }
    }

    /// A file as its end tells of it: with a footer, and some bytes before.
    private FileRecord putFile() throws IOException {
        var footer = new ByteArrayOutputStream();
        Util.writeFileMetaData(new FileMetaData(1, List.of(new SchemaElement("schema")), 1_234, List.of()), footer);
        var content = new ByteArrayOutputStream();
        content.writeBytes("PAR1".getBytes(StandardCharsets.US_ASCII));
        content.writeBytes(new byte[1_000]);
        content.writeBytes(footer.toByteArray());
        content.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(footer.size())
                .array());
        content.writeBytes("PAR1".getBytes(StandardCharsets.US_ASCII));
        put("metrics/cpu/x.parquet", content.toByteArray());
        return new FileRecord(
                "metrics/cpu/x.parquet",
                Rows.NAMESPACE,
                fixture.table.table(),
                new PartitionId(fixture.table.tableId(), new PartitionKey("2026-11-20")),
                Rows.INGESTER,
                new SequenceNumber(1),
                new SequenceNumber(9),
                1_234,
                content.size(),
                0,
                1,
                fixture.clock.instant());
    }

    private byte[] get(String name) throws IOException {
        try (InputStream in = fixture.objects.open(name)) {
            return in.readAllBytes();
        }
    }

    private static FileRecord with(FileRecord file, long rowCount, long sizeBytes) {
        return new FileRecord(
                file.objectName(),
                file.namespace(),
                file.table(),
                file.partition(),
                file.ingester(),
                file.minSequence(),
                file.maxSequence(),
                rowCount,
                sizeBytes,
                file.minTimeNs(),
                file.maxTimeNs(),
                file.createdAt());
    }

    @Test
    void nothingIsWrongWithWhatTheCatalogSays() throws IOException {
        FileRecord file = putFile();

        assertThat(verifier.findProblem(file)).isEmpty();
    }

    @Test
    void eachDifferenceIsNamed() throws IOException {
        FileRecord file = putFile();
        byte[] content = get(file.objectName());

        assertThat(verifier.findProblem(with(file, file.rowCount() + 1, file.sizeBytes())))
                .contains("expected %d rows, found %d".formatted(file.rowCount() + 1, file.rowCount()));
        assertThat(verifier.findProblem(with(file, file.rowCount(), file.sizeBytes() + 1)))
                .contains("expected %d bytes, found %d".formatted(file.sizeBytes() + 1, file.sizeBytes()));
        for (int length : new int[] {0, 4, 11, 12, content.length - 1}) {
            put(file.objectName(), Arrays.copyOf(content, length));
            assertThat(verifier.findProblem(with(file, file.rowCount(), Math.max(1, length))))
                    .as("cut at %d", length)
                    .isPresent();
        }
        fixture.objects.delete(file.objectName());
        assertThat(verifier.findProblem(file))
                .hasValueSatisfying(text -> assertThat(text).startsWith("it is missing"));
    }

    /// No damage of the footer's length or of the footer is taken for a sound file of other rows, or ends in anything
    /// but a sentence.
    @Test
    void damageOfTheEndIsNamed() throws IOException {
        FileRecord file = putFile();
        byte[] content = get(file.objectName());
        for (int position = content.length - 8; position < content.length; position++) {
            byte[] damaged = content.clone();
            damaged[position] ^= (byte) 0xff;
            put(file.objectName(), damaged);
            assertThat(verifier.findProblem(file)).as("byte %d", position).isPresent();
        }
    }

    @Test
    void aStoreThatDoesNotAnswerSaysNothingOfTheFile() throws IOException {
        FileRecord file = putFile();
        fixture.store.failNext(FailingObjectStore.Step.OPEN, FailingObjectStore.When.BEFORE_EFFECT);

        assertThatIOException().isThrownBy(() -> verifier.findProblem(file));
    }
}
