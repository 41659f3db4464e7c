package io.sluice.benches;

import com.google.protobuf.ByteString;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;

/// Columnar writes in the shape of TSBS's cpu-only use case: 4,000 hosts, 10 tags, 10 integer fields from a seed, time
/// in steps of 10 s; each write has the next hosts in their order.
final class CpuTicks {
    static final String NAMESPACE = "bench";
    static final String TABLE = "cpu";
    static final int HOSTS = 4_000;
    static final long START_NS = 1_451_606_400_000_000_000L;
    private static final long TICK_NS = 10_000_000_000L;
    private static final int VALUES = 101;
    private static final List<String> REGIONS =
            List.of("us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "sa-east-1");
    private static final List<String> FIELDS =
            List.of("user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice");

    private final Random random;
    private long row;

    CpuTicks(long seed) {
        this.random = new Random(seed);
    }

    /// The next rows.
    WriteRequest next(int rows) {
        TableBatch.Builder batch = TableBatch.newBuilder().setTable(TABLE).setRowCount(rows);
        batch.addColumns(tag("hostname", names("host_", HOSTS), rows, host -> host));
        batch.addColumns(tag("region", REGIONS, rows, host -> host % REGIONS.size()));
        batch.addColumns(tag("datacenter", names("dc-", 25), rows, host -> host % 25));
        batch.addColumns(tag("rack", names("", 100), rows, host -> host % 100));
        batch.addColumns(tag("os", List.of("Ubuntu16.10", "Ubuntu15.10"), rows, host -> host % 2));
        batch.addColumns(tag("arch", List.of("x86", "x64"), rows, host -> host / 2 % 2));
        batch.addColumns(tag("team", List.of("NYC", "LON", "SF", "CHI"), rows, host -> host % 4));
        batch.addColumns(tag("service", names("", 20), rows, host -> host % 20));
        batch.addColumns(tag("service_version", names("", 2), rows, host -> host / 3 % 2));
        batch.addColumns(tag("service_environment", List.of("production", "staging", "test"), rows, host -> host % 3));
        for (String field : FIELDS) {
            Int64s.Builder values = Int64s.newBuilder();
            for (int i = 0; i < rows; i++) {
                values.addValues(random.nextInt(VALUES));
            }
            batch.addColumns(Column.newBuilder()
                    .setName("usage_" + field)
                    .setKind(Column.Kind.FIELD)
                    .setI64(values));
        }
        Int64s.Builder times = Int64s.newBuilder();
        for (int i = 0; i < rows; i++) {
            times.addValues(START_NS + (row + i) / HOSTS * TICK_NS);
        }
        batch.addColumns(
                Column.newBuilder().setName("time").setKind(Column.Kind.TIME).setI64(times));
        row += rows;
        return WriteRequest.newBuilder()
                .setNamespace(NAMESPACE)
                .addTables(batch)
                .build();
    }

    private static List<String> names(String prefix, int count) {
        List<String> names = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            names.add(prefix + i);
        }
        return names;
    }

    /// A tag column whose dictionary has the values of these rows only, as a client would send it.
    private Column tag(String name, List<String> values, int rows, IntUnaryOperator valueOfHost) {
        Dictionary.Builder dictionary = Dictionary.newBuilder();
        int[] codes = new int[values.size()];
        for (int i = 0; i < rows; i++) {
            int value = valueOfHost.applyAsInt((int) ((row + i) % HOSTS));
            if (codes[value] == 0) {
                dictionary.addValues(values.get(value));
                codes[value] = dictionary.getValuesCount();
            }
            dictionary.addCodes(codes[value] - 1);
        }
        return Column.newBuilder()
                .setName(name)
                .setKind(Column.Kind.TAG)
                .setValidity(ByteString.EMPTY)
                .setDictionary(dictionary)
                .build();
    }
}
