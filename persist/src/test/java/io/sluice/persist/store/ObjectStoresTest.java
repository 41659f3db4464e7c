package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ObjectStoresTest {
    @TempDir
    private Path folder;

    @Test
    void opensAFolder() throws IOException {
        Path objects = folder.toRealPath().resolve("a b/objects");

        assertThat(ObjectStores.open("file:" + objects).describe()).isEqualTo("file:" + objects);
        assertThat(ObjectStores.open("file://" + objects).describe()).isEqualTo("file:" + objects);
        assertThat(objects).isDirectory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "objects", "/objects", "file:", "file://host/objects", "s3:bucket/prefix", "FILE:a"})
    void refusesWhatItDoesNotSupportAndSaysWhatItDoes(String address) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ObjectStores.open(address))
                .withMessage(
                        "object store '%s' is not supported: expected file:DIR or s3://BUCKET/PREFIX, such as file:/var/lib/sluice/objects"
                                .formatted(address));
    }

    @Test
    void refusesAPathThatIsNone() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ObjectStores.open("file:a\u0000"))
                .withMessageContaining("object store 'file:a\u0000'");
    }
}
