package io.sluice.benches;

import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import java.nio.charset.StandardCharsets;
import java.util.Random;

/// Writes in the shape of TSBS's cpu-only use case (10 tags, 10 integer fields), from a seed: hosts report every 10
/// s, one after another.
final class CpuWrites {
    static final int HOSTS = 4_000;
    static final long START_NS = 1_451_606_400_000_000_000L;
    static final long TICK_NS = 10_000_000_000L;
    private static final String[] REGIONS = {"us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "sa-east-1"};
    private static final String[] FIELDS = {
        "user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"
    };

    private final Random random;
    private long row;

    CpuWrites(long seed) {
        this.random = new Random(seed);
    }

    /// The next rows, as a `sluice.v1.WriteRequest`.
    byte[] next(int rows) {
        byte[] body = nextLines(rows);
        return new LineProtocolParser(random.nextLong())
                .parse(
                        body,
                        0,
                        body.length,
                        new ParseOptions(new NamespaceName("bench"), Precision.NS, START_NS, 1, KnownColumns.NONE))
                .request()
                .orElseThrow();
    }

    /// The next rows, as line protocol.
    byte[] nextLines(int rows) {
        StringBuilder lines = new StringBuilder(350 * rows);
        for (int i = 0; i < rows; i++) {
            appendLine(lines);
        }
        return lines.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void appendLine(StringBuilder lines) {
        int host = (int) (row % HOSTS);
        String region = REGIONS[host % REGIONS.length];
        lines.append("cpu,hostname=host_%d,region=%s,datacenter=%s%c,rack=%d,os=%s,arch=%s,team=%s,service=%d"
                .formatted(
                        host,
                        region,
                        region,
                        'a' + host % 3,
                        host % 100,
                        host % 2 == 0 ? "Ubuntu16.10" : "Ubuntu15.10",
                        host % 3 == 0 ? "x86" : "x64",
                        host % 4 < 2 ? "NYC" : "LON",
                        host % 20));
        lines.append(",service_version=%d,service_environment=%s"
                .formatted(host % 2, host % 3 == 1 ? "test" : "production"));
        for (int field = 0; field < FIELDS.length; field++) {
            lines.append(field == 0 ? " usage_" : ",usage_")
                    .append(FIELDS[field])
                    .append('=')
                    .append(random.nextInt(101))
                    .append('i');
        }
        lines.append(' ').append(START_NS + row / HOSTS * TICK_NS).append('\n');
        row++;
    }
}
