package io.sluice.persist.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ParquetSettingsTest {
    @Test
    void levelsOfZstdAreAccepted() {
        assertThat(new ParquetSettings(1, 1, 1).zstdLevel()).isEqualTo(1);
        assertThat(new ParquetSettings(22, 1, 1).zstdLevel()).isEqualTo(22);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new ParquetSettings(0, 1, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("zstdLevel is 0: expected 1 to 22");
        assertThatThrownBy(() -> new ParquetSettings(23, 1, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("zstdLevel is 23: expected 1 to 22");
        assertThatThrownBy(() -> new ParquetSettings(1, 0, 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rowGroupRows and pageRows must be positive: 0, 5");
        assertThatThrownBy(() -> new ParquetSettings(1, 5, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rowGroupRows and pageRows must be positive: 5, 0");
    }
}
