package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The stream as pyarrow reads it. Needs a Python with pyarrow: `SLUICE_TEST_PYTHON`, or `python3`.
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

    @TempDir
    private Path data = Path.of("");

    @Test
    void pyarrowReadsAWholeStream() throws Exception {
        String python = Optional.ofNullable(System.getenv("SLUICE_TEST_PYTHON")).orElse("python3");
        assumeTrue(hasPyArrow(python), "skipped: " + python + " has no pyarrow");
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("air", EndToEndIT.sample("air_and_water.lp"))
                            .statusCode())
                    .isEqualTo(204);
            Process client = new ProcessBuilder(python, "-c", SCRIPT, Integer.toString(server.grpcPort()))
                    .redirectErrorStream(true)
                    .start();
            String output = new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(client.waitFor()).as(output).isZero();
            assertThat(output.lines())
                    .containsExactly(
                            "4 ['coyote_creek', 'santa_monica'] dictionary<values=string, indices=int32, ordered=0>",
                            "True True",
                            "2 timestamp[ns, tz=UTC]");
        }
    }

    private static boolean hasPyArrow(String python) throws InterruptedException {
        try {
            return new ProcessBuilder(python, "-c", "import pyarrow.flight")
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
