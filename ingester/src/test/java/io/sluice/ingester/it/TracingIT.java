package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.arrow.flight.CallHeaders;
import org.apache.arrow.flight.FlightCallHeaders;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.HeaderCallOption;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Traces of queries, as OpenTelemetry's standard variables ask for them.
final class TracingIT {
    private static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
    private static final int USAGE = 2;

    @TempDir
    private Path folder = Path.of("");

    @Test
    void aQueryBecomesASpanOfItsClientsTrace() throws Exception {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
        collector.createContext("/v1/traces", exchange -> {
            // One character for each byte.
            received.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        collector.start();
        Map<String, String> environment = Map.of(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "http://127.0.0.1:" + collector.getAddress().getPort(),
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "http/protobuf",
                "OTEL_BSP_SCHEDULE_DELAY",
                "50");
        try (SluiceServer server = SluiceServer.launch(folder, environment)) {
            server.awaitReady();
            assertThat(server.write("traced", "cpu,host=a usage=1 1".getBytes(StandardCharsets.UTF_8))
                            .statusCode())
                    .isEqualTo(204);
            query(server);
            String trace = new String(HexFormat.of().parseHex(TRACE_ID), StandardCharsets.ISO_8859_1);
            // A request may hold one span or several, the partition's before its query's.
            StringBuilder spans = new StringBuilder();
            while (!spans.toString().contains("sluice.namespace")) {
                String request = received.take();
                assertThat(request).contains(trace);
                spans.append(request);
            }
            assertThat(spans.toString()).contains("partition", "1970-01-01", "traced");
        } finally {
            collector.stop(0);
        }
    }

    @SuppressWarnings("try") // Arrow's streams and clients may be interrupted while they are closed
    private static void query(SluiceServer server) throws Exception {
        CallHeaders headers = new FlightCallHeaders();
        headers.insert("traceparent", "00-" + TRACE_ID + "-b7ad6b7169203331-01");
        byte[] ticket = "{\"namespace\":\"traced\",\"table\":\"cpu\"}".getBytes(StandardCharsets.UTF_8);
        try (RootAllocator allocator = new RootAllocator();
                FlightClient client = FlightClient.builder(
                                allocator, Location.forGrpcInsecure("127.0.0.1", server.grpcPort()))
                        .build();
                FlightStream stream = client.getStream(new Ticket(ticket), new HeaderCallOption(headers))) {
            long rows = 0;
            while (stream.next()) {
                rows += stream.getRoot().getRowCount();
            }
            assertThat(rows).isEqualTo(1);
        }
    }

    @Test
    void anExporterThatNobodyKnowsIsNamed() throws Exception {
        try (SluiceServer server = SluiceServer.launch(folder, Map.of("OTEL_TRACES_EXPORTER", "carrier-pigeon"))) {
            assertThat(server.awaitEnd()).isEqualTo(USAGE);
            assertThat(server.log())
                    .filteredOn(line -> line.startsWith("sluice: "))
                    .singleElement()
                    .asString()
                    .contains("OTEL_", "carrier-pigeon");
        }
    }
}
