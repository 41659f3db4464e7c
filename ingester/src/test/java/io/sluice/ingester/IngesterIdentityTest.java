package io.sluice.ingester;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.IngesterId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class IngesterIdentityTest {
    @TempDir
    private Path folder = Path.of("");

    private Optional<UUID> owner = Optional.empty();

    @Test
    void anIdStaysUntilAnotherIsCreated() throws IOException {
        IngesterId first = new IngesterIdentity(folder, () -> owner).loadOrCreate();
        assertThat(new IngesterIdentity(folder, () -> owner).loadOrCreate()).isEqualTo(first);
        IngesterId second = new IngesterIdentity(folder, () -> owner).create();
        assertThat(second).isNotEqualTo(first);
        assertThat(new IngesterIdentity(folder, () -> owner).loadOrCreate()).isEqualTo(second);
    }

    @Test
    void aFileThatWasNotMovedIntoPlaceIsNotTheId() throws IOException {
        IngesterId id = new IngesterIdentity(folder, () -> owner).loadOrCreate();
        Files.writeString(folder.resolve("ingester.id.tmp"), "cut sho");
        assertThat(new IngesterIdentity(folder, () -> owner).loadOrCreate()).isEqualTo(id);
    }

    @Test
    void damagedBytesAreReplacedByANewId() throws IOException {
        Path file = folder.resolve("ingester.id");
        for (byte[] damaged : new byte[][] {{}, {'n', 'o'}, {(byte) 0xff, (byte) 0xfe}}) {
            Files.write(file, damaged);
            IngesterId id = new IngesterIdentity(folder, () -> owner).loadOrCreate();
            assertThat(new IngesterIdentity(folder, () -> owner).loadOrCreate()).isEqualTo(id);
        }
    }

    /// Otherwise rows that are in files under the old id would come again under the new one.
    @Test
    void ifTheFileIsLostTheLogsSegmentsTellTheId() throws IOException {
        owner = Optional.of(new UUID(7, 8));
        assertThat(new IngesterIdentity(folder, () -> owner).loadOrCreate().value())
                .isEqualTo(new UUID(7, 8));
        owner = Optional.empty();
        assertThat(new IngesterIdentity(folder, () -> owner).loadOrCreate().value())
                .as("it is in the file again")
                .isEqualTo(new UUID(7, 8));
    }

    @Test
    void aFolderInItsPlaceIsNamed() throws IOException {
        Path file = Files.createDirectory(folder.resolve("ingester.id"));
        assertThatThrownBy(() -> new IngesterIdentity(folder, () -> owner).loadOrCreate())
                .isInstanceOf(IOException.class)
                .hasMessage("%s: expected a file with an id, found something else", file);
    }
}
