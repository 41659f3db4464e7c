package io.sluice.persist.parquet;

/// How files are encoded.
///
/// @param zstdLevel 1 (fast) to 22 (small)
/// @param rowGroupRows rows of a row group: what a reader can skip, and what the encoder holds in memory
/// @param pageRows rows of a page
public record ParquetSettings(int zstdLevel, int rowGroupRows, int pageRows) {
    /// Level 1, as levels above it cost more time than they save bytes on sorted metrics; row groups of 1 Mi rows,
    /// pages of
    /// 20,000.
    public static final ParquetSettings DEFAULT = new ParquetSettings(1, 1 << 20, 20_000);

    /// @throws IllegalArgumentException if a number is out of its range
    public ParquetSettings {
        if (zstdLevel < 1 || zstdLevel > 22) {
            throw new IllegalArgumentException("zstdLevel is %d: expected 1 to 22".formatted(zstdLevel));
        }
        if (rowGroupRows < 1 || pageRows < 1) {
            throw new IllegalArgumentException(
                    "rowGroupRows and pageRows must be positive: %d, %d".formatted(rowGroupRows, pageRows));
        }
    }
}
