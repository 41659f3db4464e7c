package io.sluice.model;

import java.util.UUID;

/// Who gave a sequence number: one log folder, as long as its numbering is unbroken.
public record IngesterId(UUID value) {
    /// @throws IllegalArgumentException if `text` is no UUID
    public static IngesterId parse(String text) {
        return new IngesterId(UUID.fromString(text));
    }

    @Override
    public String toString() {
        return value.toString();
    }
}
