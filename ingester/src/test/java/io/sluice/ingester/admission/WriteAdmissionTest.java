package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Where a write is counted, and how it comes to the catalog.
final class WriteAdmissionTest {
    private static final NamespaceName N = new NamespaceName("n");
    private static final NamespaceName OTHER = new NamespaceName("other");

    private final AdmissionController controller = new AdmissionController(
            new AdmissionLimits(1, 2, 1, 1, 1, 0), Admissions.delays(), () -> 0, new SimpleMeterRegistry());
    private final IngestState state = new IngestState(() -> 0, new SimpleMeterRegistry());
    private final List<Refused> told = new ArrayList<>();
    private final List<AdmissionPermit> permits = new ArrayList<>();
    private final WriteAdmission admission = admission(Duration.ofMinutes(10));

    private WriteAdmission admission(Duration maxStreamWait) {
        return new WriteAdmission(
                state,
                controller,
                new TwoTables(),
                Admissions.refusals(),
                Admissions.work(Runnable::run),
                told::add,
                maxStreamWait);
    }

    /// Tables `a` and `b` of namespace `n`.
    private static final class TwoTables implements KnownTables {
        @Override
        public boolean isKnown(NamespaceName namespace) {
            return namespace.equals(N);
        }

        @Override
        public boolean isKnown(NamespaceName namespace, TableName table) {
            return namespace.equals(N) && Set.of("a", "b").contains(table.value());
        }
    }

    @AfterEach
    void everyPlaceIsGivenBack() {
        permits.forEach(AdmissionPermit::close);
        for (Bucket bucket : Bucket.values()) {
            assertThat(controller.count(bucket)).as("%s", bucket).isZero();
        }
    }

    private static byte[] write(String namespace, String... tables) {
        WriteRequest.Builder request = WriteRequest.newBuilder().setNamespace(namespace);
        for (String table : tables) {
            request.addTables(TableBatch.newBuilder().setTable(table).setRowCount(1));
        }
        return request.build().toByteArray();
    }

    private AdmissionPermit permit(Admission let) {
        AdmissionPermit permit = switch (let) {
            case Admission.Admitted(AdmissionPermit admitted) -> admitted;
            case Admission.Rejected(Refused why) -> throw new AssertionError(why);
        };
        permits.add(permit);
        return permit;
    }

    private static Refused refused(Admission let) {
        return switch (let) {
            case Admission.Admitted _ -> throw new AssertionError("was let in");
            case Admission.Rejected(Refused why) -> why;
        };
    }

    private Bucket bucketOf(byte[] request) {
        try (AdmissionPermit permit = permit(admission.admit(request))) {
            return permit.bucket();
        }
    }

    @Test
    void aWriteIsExistingIfAllOfItsTablesAreKnownAndNewOtherwise() {
        assertThat(bucketOf(write("n", "a"))).isEqualTo(Bucket.EXISTING);
        assertThat(bucketOf(write("n", "a", "b"))).isEqualTo(Bucket.EXISTING);
        assertThat(bucketOf(write("n", "a", "c"))).isEqualTo(Bucket.NEW);
        assertThat(bucketOf(write("other", "a"))).isEqualTo(Bucket.NEW);
        assertThat(bucketOf(write("n"))).isEqualTo(Bucket.NEW);
        assertThat(bucketOf(new byte[] {1, 2, 3})).isEqualTo(Bucket.NEW);
    }

    @Test
    void linesAreExistingIfTheirNamespaceIsKnown() {
        assertThat(permit(admission.admit(N)).bucket()).isEqualTo(Bucket.EXISTING);
        assertThat(permit(admission.admit(OTHER)).bucket()).isEqualTo(Bucket.NEW);
        assertThat(admission.refusal(N)).isEmpty();
        assertThat(admission.refusal(OTHER).orElseThrow().quota()).contains(new Quota("WRITE", "NEW", 1, 1));
        assertThat(told).hasSize(1);
    }

    @Test
    void whatTheServerRefusesIsRefusedBeforeItIsCounted() {
        state.set(Reason.MEMORY_LIMIT);
        for (Refused refused : List.of(
                refused(admission.admit(write("n", "a"))),
                refused(admission.admit(new byte[0])),
                refused(admission.admit(N)),
                admission.refusal().orElseThrow(),
                admission.refusal(N).orElseThrow())) {
            assertThat(refused.reason()).isEqualTo(Reason.MEMORY_LIMIT);
        }
        assertThat(told).hasSize(5);
        assertThat(controller.stats().buckets())
                .extracting(AdmissionStatistics.BucketStatistics::admitted)
                .containsOnly(0L);
    }

    @Test
    void onlyIfNobodyWouldBeLetInAWriteIsRefusedUnseen() {
        permit(admission.admit(OTHER));
        assertThat(admission.refusal()).isEmpty();
        permit(admission.admit(N));
        permit(admission.admit(N));
        assertThat(admission.refusal().orElseThrow().reason()).isEqualTo(Reason.ADMISSION_LIMIT);
    }

    @Test
    void aWriteIsNewOnItsWayToTheCatalogAndExistingBehindIt() {
        AdmissionPermit permit = permit(admission.admit(N));
        CatalogAccess catalog = admission.catalogAccess(permit);
        assertThat(catalog.enter()).isEmpty();
        assertThat(catalog.enter()).isEmpty();
        assertThat(permit.bucket()).isEqualTo(Bucket.NEW);
        assertThat(admission
                        .catalogAccess(permit(admission.admit(N)))
                        .enter()
                        .orElseThrow()
                        .quota())
                .as("there is no room for a second one")
                .contains(new Quota("WRITE", "NEW", 1, 1));
        catalog.leave();
        catalog.leave();
        assertThat(permit.bucket()).isEqualTo(Bucket.EXISTING);
        AdmissionPermit unknown = permit(admission.admit(OTHER));
        assertThat(admission.catalogAccess(unknown).enter()).isEmpty();
        admission.catalogAccess(unknown).leave();
        assertThat(unknown.bucket()).as("EXISTING is full: it stays").isEqualTo(Bucket.NEW);
    }

    @Test
    void aWriteOfAStreamIsCountedOnItsWayToTheCatalogAlone() {
        CatalogAccess catalog = admission.streamCatalogAccess();
        assertThat(controller.count(Bucket.NEW)).isZero();
        assertThat(catalog.enter()).isEmpty();
        assertThat(catalog.enter()).isEmpty();
        assertThat(controller.count(Bucket.NEW)).isEqualTo(1);
        catalog.leave();
        catalog.leave();
        assertThat(controller.count(Bucket.NEW)).isZero();
    }

    @Test
    void aWriteOfAStreamWaitsForItsWayToTheCatalogAndNotForEver() throws Exception {
        AdmissionPermit first = permit(admission.admit(OTHER));
        CatalogAccess hurried = admission(Duration.ofNanos(1)).streamCatalogAccess();
        assertThat(hurried.enter().orElseThrow().reason()).isEqualTo(Reason.ADMISSION_LIMIT);
        hurried.leave();
        CatalogAccess late = admission.streamCatalogAccess();
        Thread leaver = Thread.ofVirtual().start(() -> {
            while (controller.waiting() == 0) {
                Thread.onSpinWait();
            }
            first.close();
        });
        assertThat(late.enter()).isEmpty();
        late.leave();
        leaver.join();
    }
}
