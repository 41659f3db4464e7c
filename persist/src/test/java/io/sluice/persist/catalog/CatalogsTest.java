package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CatalogsTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z"));

    @TempDir
    private Path folder;

    @Test
    void opensAFile() throws IOException {
        Path file = folder.resolve("a b/catalog.db");

        try (Catalog catalog = Catalogs.open("sqlite:" + file, CLOCK)) {
            assertThat(catalog.namespaces()).isEmpty();
        }
        assertThat(file).isRegularFile();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sqlite:", "sqlite://host/catalog.db", "file:catalog.db", "SQLITE:a"})
    void refusesWhatItDoesNotSupportAndSaysWhatItDoes(String address) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Catalogs.open(address, CLOCK))
                .withMessageEndingWith(
                        "is not supported: expected sqlite:FILE or postgresql://HOST/DATABASE, such as sqlite:/var/lib/sluice/catalog.db");
    }

    @Test
    void doesNotRepeatAPassword() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Catalogs.open("postgresql://user:secret@db/sluice", CLOCK))
                .withMessageStartingWith("catalog 'postgresql:…' is not supported");
    }

    @Test
    void refusesAPathThatIsNone() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Catalogs.open("sqlite:a\u0000", CLOCK))
                .withMessageContaining("catalog 'sqlite:a\u0000'");
    }
}
