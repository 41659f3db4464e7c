package io.sluice.ingester;

import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.query.QueryAdmission;
import io.sluice.query.QueryPermit;
import io.sluice.query.QueryRefusal;
import io.sluice.query.QueryRefusedException;
import java.util.Map;

/// Lets queries in by the same controller as writes, in a pool of their own.
record AdmittedQueries(AdmissionController controller, RetryDelays delays) implements QueryAdmission {
    @Override
    public QueryPermit admit() throws QueryRefusedException {
        return switch (controller.tryAdmit(Bucket.INITIAL)) {
            case Admission.Admitted(AdmissionPermit permit) -> new Permit(permit);
            case Admission.Rejected(Refused why) ->
                throw new QueryRefusedException(new QueryRefusal(
                        why.reason().name(),
                        true,
                        why.message(),
                        why.retryAfter(),
                        why.quota().map(AdmittedQueries::details).orElse(Map.of())));
        };
    }

    private static Map<String, String> details(Quota quota) {
        return Map.of(
                "pool",
                quota.pool(),
                "bucket",
                quota.bucket(),
                "limit",
                Long.toString(quota.limit()),
                "current",
                Long.toString(quota.current()));
    }

    @Override
    public QueryRefusal refuse(String reason, String message) {
        return new QueryRefusal(reason, true, message, delays.soon(), Map.of());
    }

    private record Permit(AdmissionPermit permit) implements QueryPermit {
        @Override
        public void sends() {
            if (permit.bucket() == Bucket.INITIAL) {
                var _ = permit.trySwap(Bucket.STREAMING); // or it is stuck, which the pool counts, until the next batch
            }
        }

        @Override
        public void close() {
            permit.close();
        }
    }
}
