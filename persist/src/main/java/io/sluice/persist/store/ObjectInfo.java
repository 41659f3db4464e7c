package io.sluice.persist.store;

import java.time.Instant;

/// What the store knows of an object.
public record ObjectInfo(String name, long sizeBytes, Instant modifiedAt) {}
