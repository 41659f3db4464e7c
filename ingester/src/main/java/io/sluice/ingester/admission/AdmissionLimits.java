package io.sluice.ingester.admission;

/// How many requests are let in at once.
///
/// @param writeNew writes that need the catalog, or may
/// @param writeExisting writes whose tables are known
/// @param queryInitial queries whose first batch is not ready
/// @param queryStreaming queries whose batches are being sent
/// @param writeStreams open streams of writes
/// @param namespaceWrites writes of one namespace; 0 = as many as there may be of all
public record AdmissionLimits(
        int writeNew, int writeExisting, int queryInitial, int queryStreaming, int writeStreams, int namespaceWrites) {
    /// What there is room for in a process of the usual size.
    public static final AdmissionLimits DEFAULT = new AdmissionLimits(300, 10_000, 20, 200, 1_000, 0);

    /// The highest limit. Far below what a half of the packed counters holds.
    public static final int MAX = 1_000_000;

    /// @throws IllegalArgumentException if a limit is none, or above [#MAX]
    public AdmissionLimits {
        check(writeNew, 1);
        check(writeExisting, 1);
        check(queryInitial, 1);
        check(queryStreaming, 1);
        check(writeStreams, 1);
        check(namespaceWrites, 0);
    }

    private static void check(int limit, int min) {
        if (limit < min || limit > MAX) {
            throw new IllegalArgumentException(
                    "limits of admission must be from %d to %d: found %d".formatted(min, MAX, limit));
        }
    }

    int of(Bucket bucket) {
        return switch (bucket) {
            case NEW -> writeNew;
            case EXISTING -> writeExisting;
            case INITIAL -> queryInitial;
            case STREAMING -> queryStreaming;
            case OPEN -> writeStreams;
        };
    }
}
