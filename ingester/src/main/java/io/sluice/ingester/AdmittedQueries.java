package io.sluice.ingester;

import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.query.QueryAdmission;
import io.sluice.query.QueryPermit;
import io.sluice.query.QueryRefusal;
import io.sluice.query.QueryRefusedException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/// Lets queries in by the same controller as writes, in a pool of their own. A query waits a moment for its place,
/// first come, first served: most have their first batch within milliseconds.
final class AdmittedQueries implements QueryAdmission {
    private final AdmissionController controller;
    private final RetryDelays delays;
    private final WorkQueue work;
    private final Duration maxWait;
    /// Whoever holds it is the first of those that wait.
    private final ReentrantLock line = new ReentrantLock(true);

    /// @param work leaves room to queries until they have their first batch
    /// @param maxWait for a place
    AdmittedQueries(AdmissionController controller, RetryDelays delays, WorkQueue work, Duration maxWait) {
        this.controller = controller;
        this.delays = delays;
        this.work = work;
        this.maxWait = maxWait;
    }

    @Override
    public QueryPermit admit() throws QueryRefusedException {
        Admission admission;
        try {
            admission = await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new QueryRefusedException(
                    refuse(Reason.GRACEFUL_STOP.name(), "the server ended the call while it waited for a place"));
        }
        return switch (admission) {
            case Admission.Admitted(AdmissionPermit permit) -> new Permit(permit, work.leaveRoom());
            case Admission.Rejected(Refused why) ->
                throw new QueryRefusedException(new QueryRefusal(
                        why.reason().name(),
                        true,
                        why.message() + ": this one waited %d ms or longer for its turn".formatted(maxWait.toMillis()),
                        why.retryAfter(),
                        why.quota().map(AdmittedQueries::details).orElse(Map.of())));
        };
    }

    private Admission await() throws InterruptedException {
        if (!line.tryLock(maxWait.toNanos(), TimeUnit.NANOSECONDS)) {
            return new Admission.Rejected(controller.refuse(Bucket.INITIAL));
        }
        try {
            return controller.awaitAdmit(Bucket.INITIAL, maxWait);
        } finally {
            line.unlock();
        }
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

    private record Permit(AdmissionPermit permit, WorkQueue.Urgent beginning) implements QueryPermit {
        @Override
        public void sends() {
            beginning.close();
            if (permit.bucket() == Bucket.INITIAL) {
                var _ = permit.trySwap(Bucket.STREAMING); // or it is stuck, which the pool counts, until the next batch
            }
        }

        @Override
        public void waits() {
            beginning.close();
        }

        @Override
        public void close() {
            beginning.close();
            permit.close();
        }
    }
}
