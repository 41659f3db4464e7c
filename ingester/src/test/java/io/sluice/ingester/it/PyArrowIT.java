package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Streams and files as pyarrow reads them, and streams as ADBC's Flight SQL driver does, which is written in Go.
/// Needs a Python with `pyarrow` and `adbc_driver_flightsql`: `SLUICE_TEST_PYTHON`, or `python3`.
final class PyArrowIT {
    private static final String SCRIPT = """
            import json, sys
            import pyarrow.flight as flight
            client = flight.connect("grpc://127.0.0.1:" + sys.argv[1])
            request = {"namespace": "air", "table": "h2o_temperature",
                       "predicates": [{"column": "state", "in": ["CA"]}]}
            command = json.dumps(request).encode()
            table = client.do_get(flight.Ticket(command)).read_all()
            info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
            print(table.num_rows, sorted(set(table.column("location").to_pylist())), table.schema.field("state").type)
            print(info.schema.equals(table.schema), client.do_get(info.endpoints[0].ticket).read_all().equals(table))
            print(len(list(client.list_flights())), table.schema.field("time").type)
            """;

    /// Prints the rows of a table, merged, one a line, from a server or from the one file below a folder.
    private static final String PRINT_ROWS = """
            import glob, json, sys
            import pyarrow.flight as flight
            import pyarrow.parquet as parquet
            source, where = sys.argv[1:]
            if source == "server":
                request = {"namespace": "n", "table": "m", "merge": True}
                ticket = flight.Ticket(json.dumps(request).encode())
                table = flight.connect("grpc://127.0.0.1:" + where).do_get(ticket).read_all()
            else:
                [file] = glob.glob(where + "/**/*.parquet", recursive=True)
                table = parquet.read_table(file)
            place = table.schema.get_field_index("time")
            table = table.set_column(place, "time", table["time"].cast("int64"))
            for row in sorted(str(sorted(row.items())) for row in table.to_pylist()):
                print(row)
            """;

    /// Of a table whose tag `trace` has a value of its own in each row.
    private static final String READ_TRACES = """
            import json, sys
            import pyarrow.flight as flight
            client = flight.connect("grpc://127.0.0.1:" + sys.argv[1])
            ticket = flight.Ticket(json.dumps({"namespace": "n", "table": "m"}).encode())
            table = client.do_get(ticket).read_all()
            print(table.schema.field("trace").type, table.schema.field("host").type)
            rows = table.select(["trace", "i"]).to_pylist()
            print(len(rows), all(row["trace"] == "trace-%d" % row["i"] for row in rows))
            """;

    /// What `GetFlightInfo` tells of a table, read through ADBC and through pyarrow; then what ADBC says to SQL.
    private static final String READ_BY_ADBC = """
            import json, sys, warnings
            import adbc_driver_flightsql.dbapi as adbc
            import pyarrow.flight as flight
            warnings.simplefilter("ignore")  # that the driver has no transactions
            uri = "grpc://127.0.0.1:" + sys.argv[1]
            client = flight.connect(uri)
            command = json.dumps({"namespace": "n", "table": "m"}).encode()
            info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
            expected = client.do_get(info.endpoints[0].ticket).read_all()
            with adbc.connect(uri) as connection, connection.cursor() as cursor:
                cursor.adbc_read_partition(info.serialize())
                with cursor.fetch_record_batch() as reader:
                    batches = list(reader)
                found = expected.from_batches(batches, expected.schema)
                print(found.num_rows, len(batches) > 1, found.equals(expected), found.schema.field("host").type)
                try:
                    cursor.execute("SELECT 1")
                except adbc.Error as e:
                    print(e)
            """;

    /// All types, tags and fields that are missing, and a key that is written twice.
    private static final String ROWS = """
            m,host=a,region=eu f=1.5,i=3i,s="first",b=true 1000000001
            m,host=b f=-0.25,i=-9223372036854775808i 1000000002
            m,host=a,region=eu f=2.5,s="ü 世界" 1000000001
            m,host=c,region=us s="",b=false 999999999
            m f=1e300 3
            """;

    @TempDir
    private Path data = Path.of("");

    @Test
    void pyarrowReadsAWholeStream() throws Exception {
        String python = Optional.ofNullable(System.getenv("SLUICE_TEST_PYTHON")).orElse("python3");
        assumeTrue(has(python, "pyarrow.flight"), "skipped: " + python + " has no pyarrow");
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("air", EndToEndIT.sample("air_and_water.lp"))
                            .statusCode())
                    .isEqualTo(204);
            assertThat(run(python, SCRIPT, Integer.toString(server.grpcPort())).lines())
                    .containsExactly(
                            "4 ['coyote_creek', 'santa_monica'] dictionary<values=string, indices=int32, ordered=0>",
                            "True True",
                            "2 timestamp[ns, tz=UTC]");
        }
    }

    @Test
    void pyarrowReadsAFileAsItReadTheRowsBefore() throws Exception {
        String python = Optional.ofNullable(System.getenv("SLUICE_TEST_PYTHON")).orElse("python3");
        assumeTrue(has(python, "pyarrow.flight"), "skipped: " + python + " has no pyarrow");
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("n", ROWS.getBytes(StandardCharsets.UTF_8)).statusCode())
                    .isEqualTo(204);
            String rows = run(python, PRINT_ROWS, "server", Integer.toString(server.grpcPort()));
            assertThat(rows.lines())
                    .hasSize(4)
                    .contains("[('b', True), ('f', 2.5), ('host', 'a'), ('i', 3), ('region', 'eu'),"
                            + " ('s', 'ü 世界'), ('time', 1000000001)]");
            assertThat(server.run("persist")).isZero();
            assertThat(run(python, PRINT_ROWS, "files", data.resolve("objects").toString()))
                    .isEqualTo(rows);
        }
    }

    @Test
    void pyarrowReadsATagOfVeryManyValuesAsPlainStrings() throws Exception {
        String python = Optional.ofNullable(System.getenv("SLUICE_TEST_PYTHON")).orElse("python3");
        assumeTrue(has(python, "pyarrow.flight"), "skipped: " + python + " has no pyarrow");
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 70_000; i++) {
            lines.append("m,host=a,trace=trace-%d i=%di %d\n".formatted(i, i, 1_000 + i));
        }
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("n", lines.toString().getBytes(StandardCharsets.UTF_8))
                            .statusCode())
                    .isEqualTo(204);
            assertThat(run(python, READ_TRACES, Integer.toString(server.grpcPort()))
                            .lines())
                    .containsExactly("string dictionary<values=string, indices=int32, ordered=0>", "70000 True");
        }
    }

    @Test
    void adbcReadsAStreamAsPyarrowDoes() throws Exception {
        String python = Optional.ofNullable(System.getenv("SLUICE_TEST_PYTHON")).orElse("python3");
        assumeTrue(has(python, "adbc_driver_flightsql.dbapi"), "skipped: " + python + " has no adbc_driver_flightsql");
        long dayNs = Duration.ofDays(1).toNanos();
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 80_000; i++) {
            lines.append("m,host=h%d,trace=trace-%d i=%di,s=\"%d\" %d\n"
                    .formatted(i % 5_000, i, i, i % 9, i % 3 * dayNs + i));
        }
        lines.append(ROWS);
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("n", lines.toString().getBytes(StandardCharsets.UTF_8))
                            .statusCode())
                    .isEqualTo(204);
            assertThat(run(python, READ_BY_ADBC, Integer.toString(server.grpcPort()))
                            .lines())
                    .satisfiesExactly(
                            rows -> assertThat(rows)
                                    .isEqualTo(
                                            "80005 True True" + " dictionary<values=string, indices=int32, ordered=0>"),
                            refusal -> assertThat(refusal)
                                    .contains(
                                            "query is Flight SQL's CommandStatementQuery, and SQL is not spoken here"));
        }
    }

    private static String run(String python, String script, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(python, "-X", "utf8", "-c", script));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    private static boolean has(String python, String module) throws InterruptedException {
        try {
            return new ProcessBuilder(python, "-c", "import " + module)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
