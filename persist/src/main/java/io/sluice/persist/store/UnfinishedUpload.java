package io.sluice.persist.store;

import java.time.Instant;

/// An upload that was begun, and neither completed nor closed.
///
/// @param name what the object would be called
/// @param id tells uploads of one name apart
/// @param startedAt when it was begun
public record UnfinishedUpload(String name, String id, Instant startedAt) {}
