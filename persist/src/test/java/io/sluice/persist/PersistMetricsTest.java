package io.sluice.persist;

import static io.sluice.persist.PersistFixture.join;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.persist.Rows.Row;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PersistMetricsTest {
    @TempDir
    Path folder;

    @Test
    void eachFileCountsInEveryTimer() throws Exception {
        try (var fixture = new PersistFixture(folder)) {
            Persister persister = fixture.started();
            join(persister.enqueue(fixture.request("day/1", 1, 2, new Row("a", 1, 1), new Row("a", 1, 2))));
            join(persister.enqueue(fixture.request("day/2", 3)));
            persister.stop(Duration.ofDays(1));

            for (String stage :
                    List.of("queued", "gate.wait", "sort", "merge", "encode", "upload", "catalog", "total")) {
                assertThat(fixture.meters.get("sluice.persist." + stage).timer().count())
                        .as(stage)
                        .isEqualTo(2);
            }
            assertThat(millis(fixture, "merge")).isEqualTo(2 * PlainFormat.MERGE.toMillis());
            assertThat(millis(fixture, "encode")).isEqualTo(2 * PlainFormat.ENCODE.toMillis());
            assertThat(millis(fixture, "upload")).isGreaterThanOrEqualTo(2 * PlainFormat.WRITE.toMillis());
            assertThat(fixture.meters.get("sluice.persist.duplicates").counter().count())
                    .isOne();
        }
    }

    private static long millis(PersistFixture fixture, String stage) {
        return Math.round(fixture.meters.get("sluice.persist." + stage).timer().totalTime(TimeUnit.MILLISECONDS));
    }
}
