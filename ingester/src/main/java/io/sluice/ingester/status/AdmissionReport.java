package io.sluice.ingester.status;

import io.sluice.ingester.admission.AdmissionStatistics;
import io.sluice.ingester.admission.AdmissionStatistics.BucketStatistics;
import java.util.List;

/// What is let in, as `/status` tells it.
///
/// @param namespaces of which there are writes that are counted; 0 unless they have a limit of their own
public record AdmissionReport(List<Let> buckets, int namespaces) {
    public AdmissionReport {
        buckets = List.copyOf(buckets);
    }

    /// One bucket of a pool; counts are since the start.
    ///
    /// @param current requests in it
    /// @param stuck requests in it that would be in the other one if there had been room
    public record Let(
            String pool,
            String bucket,
            int current,
            int limit,
            int stuck,
            long admitted,
            long refused,
            double leavingPerSecond) {}

    /// The pools at one moment.
    public static AdmissionReport of(AdmissionStatistics statistics) {
        return new AdmissionReport(
                statistics.buckets().stream().map(AdmissionReport::let).toList(), statistics.namespaces());
    }

    private static Let let(BucketStatistics of) {
        return new Let(
                of.bucket().pool().name(),
                of.bucket().name(),
                of.current(),
                of.limit(),
                of.stuck(),
                of.admitted(),
                of.refused(),
                of.leavingPerSecond());
    }
}
