package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RefusalsTest {
    private static final double ARBITRARY_JITTER = 0.5;

    private final List<String> outages = new ArrayList<>();
    private final Refusals refusals = new Refusals(new RetryDelays(() -> ARBITRARY_JITTER), () -> outages);

    @Test
    void aRefusalThatEndsWhenRowsBecomeFilesNamesWhatTheyWaitFor() {
        String before = refusals.of(Reason.MEMORY_LIMIT).message();
        outages.add("the object store s3://b/p has not answered since noon");
        outages.add("the catalog c has not answered since one");
        for (Reason reason : List.of(
                Reason.MEMORY_LIMIT,
                Reason.PERSIST_SATURATED,
                Reason.DISK_FULL,
                Reason.WAL_FULL,
                Reason.PARTITION_LIMIT)) {
            assertThat(refusals.of(reason).message())
                    .as("%s", reason)
                    .endsWith("; the object store s3://b/p has not answered since noon;"
                            + " the catalog c has not answered since one");
        }
        assertThat(refusals.of(Reason.MEMORY_LIMIT).message()).startsWith(before);
        assertThat(before).doesNotContain(";");
    }

    @Test
    void otherRefusalsDoNot() {
        outages.add("the object store s3://b/p has not answered since noon");
        assertThat(refusals.of(Reason.ADMISSION_LIMIT).message()).doesNotContain("object store");
        assertThat(refusals.of(Reason.NOT_READY).message()).doesNotContain("object store");
    }
}
