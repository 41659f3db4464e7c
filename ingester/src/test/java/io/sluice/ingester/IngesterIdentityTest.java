package io.sluice.ingester;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.IngesterId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class IngesterIdentityTest {
    @TempDir
    private Path folder = Path.of("");

    @Test
    void anIdStaysUntilAnotherIsCreated() throws IOException {
        IngesterId first = new IngesterIdentity(folder).loadOrCreate();
        assertThat(new IngesterIdentity(folder).loadOrCreate()).isEqualTo(first);
        IngesterId second = new IngesterIdentity(folder).create();
        assertThat(second).isNotEqualTo(first);
        assertThat(new IngesterIdentity(folder).loadOrCreate()).isEqualTo(second);
    }

    @Test
    void aFileThatWasNotMovedIntoPlaceIsNotTheId() throws IOException {
        IngesterId id = new IngesterIdentity(folder).loadOrCreate();
        Files.writeString(folder.resolve("ingester.id.tmp"), "cut sho");
        assertThat(new IngesterIdentity(folder).loadOrCreate()).isEqualTo(id);
    }

    @Test
    void damagedBytesAreReplacedByANewId() throws IOException {
        Path file = folder.resolve("ingester.id");
        for (byte[] damaged : new byte[][] {{}, {'n', 'o'}, {(byte) 0xff, (byte) 0xfe}}) {
            Files.write(file, damaged);
            IngesterId id = new IngesterIdentity(folder).loadOrCreate();
            assertThat(new IngesterIdentity(folder).loadOrCreate()).isEqualTo(id);
        }
    }

    @Test
    void aFolderInItsPlaceIsNamed() throws IOException {
        Path file = Files.createDirectory(folder.resolve("ingester.id"));
        assertThatThrownBy(() -> new IngesterIdentity(folder).loadOrCreate())
                .isInstanceOf(IOException.class)
                .hasMessage("%s: expected a file with an id, found something else", file);
    }
}
