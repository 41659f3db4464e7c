package io.sluice.benches;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.KnownTables;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.time.Duration;

/// Admission as the service has it, before doors that are measured without one.
final class Admissions {
    private Admissions() {}

    /// With the usual limits, as if all tables were known.
    static WriteAdmission usual(MeterRegistry metrics) {
        RetryDelays delays = new RetryDelays(Math::random);
        return new WriteAdmission(
                new IngestState(System::nanoTime, metrics),
                new AdmissionController(AdmissionLimits.DEFAULT, delays, System::nanoTime, metrics),
                new AllTables(),
                new Refusals(delays),
                new WorkQueue(
                        Runtime.getRuntime().availableProcessors(),
                        0,
                        Duration.ofMinutes(1),
                        Runnable::run,
                        System::nanoTime,
                        metrics),
                _ -> {});
    }

    private static final class AllTables implements KnownTables {
        @Override
        public boolean isKnown(NamespaceName namespace) {
            return true;
        }

        @Override
        public boolean isKnown(NamespaceName namespace, TableName table) {
            return true;
        }
    }
}
