package io.sluice.ingester.admission;

import java.util.List;

/// What is let in at one moment.
///
/// @param namespaces of which there are writes that are counted; 0 unless they have a limit of their own
public record AdmissionStatistics(List<BucketStatistics> buckets, int namespaces) {
    public AdmissionStatistics {
        buckets = List.copyOf(buckets);
    }

    /// One bucket; counts are since the start.
    ///
    /// @param current requests in it
    /// @param movedIn requests that came from the pool's other bucket
    /// @param movesDeclined moves to this bucket for which there was no room
    /// @param stuck requests in it that would be in the other one if there had been room
    /// @param leavingPerSecond how many leave it, smoothed over seconds
    public record BucketStatistics(
            Bucket bucket,
            int current,
            int limit,
            long admitted,
            long refused,
            long movedIn,
            long movesDeclined,
            int stuck,
            double leavingPerSecond) {}
}
