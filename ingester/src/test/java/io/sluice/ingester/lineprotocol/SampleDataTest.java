package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.WriteDecoder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SampleDataTest {
    @ParameterizedTest
    @CsvSource({
        "tsbs_cpu.lp.gz, 20000, 1, 0",
        "tsbs_devops.lp.gz, 9000, 9, 0",
        "telegraf_metrics.lp.gz, 1000, 8, 0",
        "air_and_water.lp, 12, 2, 0"
    })
    void everyValueOfTheSampleDataArrives(String name, int rows, int tables, int badLines) throws Exception {
        byte[] body = Samples.read(name);
        var reference = new ReferenceParser(Samples.options()).parse(body);

        ParsedLines parsed =
                new LineProtocolParser(Samples.ARBITRARY_SEED).parse(body, 0, body.length, Samples.options());

        assertThat(parsed.errors()).isEmpty();
        assertThat(parsed.badLines()).isEqualTo(badLines);
        assertThat(parsed.rows()).isEqualTo(rows);
        DecodedWrite write = WriteDecoder.decode(parsed.request().orElseThrow());
        assertThat(write.namespace().value()).isEqualTo("metrics");
        assertThat(write.tables()).hasSize(tables);
        assertThat(write.rowCount()).isEqualTo(rows);
        assertThat(DecodedRows.of(write).equals(reference.tables)).isTrue();
    }
}
