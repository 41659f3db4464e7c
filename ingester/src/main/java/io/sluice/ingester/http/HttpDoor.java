package io.sluice.ingester.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.ByteBudget;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.Readiness;
import io.sluice.ingester.door.StatusSource;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.ingester.http.server.HttpAnswer;
import io.sluice.ingester.http.server.HttpCall;
import io.sluice.ingester.http.server.HttpListener;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineError;
import io.sluice.ingester.lineprotocol.LineParsers;
import io.sluice.model.NamespaceName;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The HTTP server. Each request runs on a thread of its own, which may block.
public final class HttpDoor {
    private static final Logger LOG = LoggerFactory.getLogger(HttpDoor.class);
    private static final String CAME_EARLY =
            "the write before was refused, and this one came before the time that it was told to wait";

    private static final String JSON = "application/json";
    private static final String TEXT = "text/plain; charset=utf-8";
    /// Of an error in a header; the body has all of it.
    private static final int MAX_HEADER_CHARS = 1_024;

    private static final String INDEX = """
            Sluice
              POST /api/v2/write?bucket=NAMESPACE&precision=ns   line protocol
              POST /write?db=NAMESPACE&precision=ns              line protocol, InfluxDB 1.x
              GET  /ping /health /ready /metrics /status
            """;

    private final HttpListener server;
    private final ObjectMapper mapper = new ObjectMapper();
    private final LineWriteEndpoint writes;
    private final EarlyReturns early;
    private final WriteAdmission admission;
    private final Refusals refusals;
    private final Readiness readiness;
    private final StatusSource status;
    private final Supplier<String> metricsText;
    private final String version;
    private final LongSupplier nanoTime;
    private final MeterRegistry metrics;

    /// What the door is made of.
    ///
    /// @param connections how many there may be, and for how long they may wait for their clients
    /// @param maxRequestBytes of a body, as sent and as unpacked
    /// @param maxRequests write requests at once; asked for each
    /// @param bodies room for bodies until their outcome is known; at least [#minBodyBudgetBytes]
    /// @param lines read the bodies
    /// @param keptBodiesBytes arrays that are kept for the next bodies, at most
    /// @param admission lets writes in
    /// @param known what is known of a namespace's tables; enters the way to the catalog before it asks there
    /// @param metricsText what `/metrics` answers
    public record Parts(
            ConnectionLimits connections,
            int maxRequestBytes,
            IntSupplier maxRequests,
            ByteBudget bodies,
            LineParsers lines,
            long keptBodiesBytes,
            WriteAdmission admission,
            Refusals refusals,
            WriteHandler writes,
            BiFunction<NamespaceName, CatalogAccess, KnownColumns> known,
            Readiness readiness,
            StatusSource status,
            Supplier<String> metricsText,
            String version) {}

    /// Binds the address; answers nothing before [#start].
    ///
    /// @param executor runs each request; it blocks while the write is on its way
    /// @param pause of connections that come back too early, and of reading what nobody wants
    /// @throws IOException if the address cannot be bound
    public HttpDoor(
            InetSocketAddress bind,
            Executor executor,
            Parts parts,
            InstantSource clock,
            LongSupplier nanoTime,
            Pause pause,
            MeterRegistry metrics)
            throws IOException {
        this.server = new HttpListener(bind, parts.connections(), executor, this::handle, nanoTime, pause, metrics);
        this.writes = new LineWriteEndpoint(
                parts.admission(),
                parts.refusals(),
                parts.writes(),
                parts.known(),
                clock,
                new BodyReader(
                        parts.maxRequestBytes(),
                        parts.bodies(),
                        parts.refusals(),
                        new BodyArrays(parts.keptBodiesBytes())),
                parts.lines(),
                parts.maxRequests());
        this.admission = parts.admission();
        this.readiness = parts.readiness();
        this.status = parts.status();
        this.metricsText = parts.metricsText();
        this.version = parts.version();
        this.nanoTime = nanoTime;
        this.refusals = parts.refusals();
        this.early = new EarlyReturns(nanoTime, pause, metrics);
        this.metrics = metrics;
    }

    /// The room without which a body of `maxRequestBytes` would be refused though it is the only one.
    public static long minBodyBudgetBytes(int maxRequestBytes) {
        return BodyReader.peakBytes(maxRequestBytes);
    }

    public void start() {
        server.start();
    }

    public int port() {
        return server.port();
    }

    /// Takes no new requests and lets those under way end until the deadline.
    public void stop(Duration deadline) {
        server.stop(deadline);
    }

    /// Other limits of connections hold from now on.
    public void reconfigure(ConnectionLimits connections) {
        server.reconfigure(connections);
    }

    /// Ends connections whose clients have kept them waiting for too long. To be called several times a second.
    public void checkConnections() {
        server.check();
    }

    private void handle(HttpCall call) throws IOException {
        try (Place place = new Place()) {
            handle(call, place);
        }
    }

    private void handle(HttpCall call, Place place) throws IOException {
        long startNs = nanoTime.getAsLong();
        Answer answer;
        boolean isBroken = false;
        try {
            answer = answer(call, place);
        } catch (HttpError e) {
            answer = error(call, e);
            isBroken = e.isConnectionBroken;
        } catch (RuntimeException e) {
            String id = UUID.randomUUID().toString();
            LOG.error("{} {} failed, error id {}", call.method(), call.path(), id, e);
            answer = error(call, HttpError.of(500, "internal error", "internal error " + id));
        }
        count(call, isBroken ? "aborted" : Integer.toString(answer.status()), startNs);
        send(call, answer, isBroken);
    }

    private void count(HttpCall call, String result, long startNs) {
        Timer.builder("sluice.http.requests")
                .description("HTTP requests")
                .tag("path", endpoint(call.path()))
                .tag("status", result)
                .register(metrics)
                .record(nanoTime.getAsLong() - startNs, TimeUnit.NANOSECONDS);
    }

    /// The path if it is one of ours, so that strangers' paths make no metrics.
    private static String endpoint(String path) {
        return switch (path) {
            case "/api/v2/write", "/write", "/ping", "/health", "/ready", "/metrics", "/status", "/" -> path;
            default -> "other";
        };
    }

    private record Answer(int status, String contentType, String body, Map<String, String> headers) {
        static Answer of(int status, String contentType, String body) {
            return new Answer(status, contentType, body, Map.of());
        }
    }

    private Answer answer(HttpCall call, Place place) throws HttpError {
        return switch (call.path()) {
            case "/api/v2/write" -> write(call, LineWriteEndpoint::bucket, place);
            case "/write" -> write(call, LineWriteEndpoint::database, place);
            case "/ping" -> {
                requireMethod(call, "GET", "HEAD", "POST");
                yield Answer.of(204, TEXT, "");
            }
            case "/health" -> {
                requireMethod(call, "GET", "HEAD");
                yield health();
            }
            case "/ready" -> {
                requireMethod(call, "GET", "HEAD");
                yield ready();
            }
            case "/metrics" -> {
                requireMethod(call, "GET", "HEAD");
                yield Answer.of(200, "text/plain; version=0.0.4; charset=utf-8", metricsText.get());
            }
            case "/status" -> {
                requireMethod(call, "GET", "HEAD");
                yield Answer.of(200, JSON, status.json());
            }
            case "/" -> {
                requireMethod(call, "GET", "HEAD");
                yield Answer.of(200, TEXT, INDEX);
            }
            default ->
                throw HttpError.of(
                        404, "not found", "there is no %s: GET / lists what there is".formatted(call.path()));
        };
    }

    private Answer write(HttpCall call, LineWriteEndpoint.NamespaceParameter namespaceOf, Place place)
            throws HttpError {
        requireMethod(call, "POST");
        try {
            if (early.await(call.client())) {
                // Not noted as a refusal: the next one is judged like any other.
                throw HttpError.refused(refusals.of(Reason.ADMISSION_LIMIT, CAME_EARLY));
            }
            writeNow(call, namespaceOf, place);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw HttpError.broken("the server stops");
        }
        return Answer.of(204, TEXT, "");
    }

    private void writeNow(HttpCall call, LineWriteEndpoint.NamespaceParameter namespaceOf, Place place)
            throws HttpError, InterruptedException {
        try {
            writes.handle(call, QueryString.parse(call.rawQuery()), namespaceOf, place);
        } catch (HttpError e) {
            Optional<Refused> forLoad = e.refusal.filter(HttpDoor::isForLoad);
            if (forLoad.isPresent()) {
                place.close(); // it may have to wait, and needs none for that
                early.refused(call.client(), forLoad.get().retryAfter(), admission.enter());
            }
            throw e;
        }
    }

    /// Whether there is too much to do. For other reasons nobody is harmed by those who ask again and again.
    private static boolean isForLoad(Refused refused) {
        return switch (refused.reason()) {
            case ADMISSION_LIMIT, NAMESPACE_LIMIT, INFLIGHT_BYTES -> true;
            case NOT_READY,
                    GRACEFUL_STOP,
                    PERSIST_SATURATED,
                    DISK_FULL,
                    WAL_FULL,
                    MEMORY_LIMIT,
                    PARTITION_LIMIT,
                    WAL_FAILED,
                    FENCED,
                    CATALOG_UNAVAILABLE -> false;
        };
    }

    private static void requireMethod(HttpCall call, String... methods) throws HttpError {
        if (!List.of(methods).contains(call.method())) {
            throw HttpError.method(
                    String.join(", ", methods),
                    "method %s: expected %s".formatted(call.method(), String.join(" or ", methods)));
        }
    }

    private Answer health() {
        ObjectNode json = mapper.createObjectNode();
        json.put("name", "sluice").put("status", "pass").put("message", "alive").put("version", version);
        return Answer.of(200, JSON, text(json));
    }

    private Answer ready() {
        List<String> reasons = readiness.reasons();
        ObjectNode json = mapper.createObjectNode();
        json.put("status", reasons.isEmpty() ? "ready" : "not ready");
        ArrayNode list = json.putArray("reasons");
        reasons.forEach(list::add);
        return Answer.of(reasons.isEmpty() ? 200 : 503, JSON, text(json));
    }

    /// Version 2 of the API has `code` and `message`, version 1 has `error`; bad lines are listed in both.
    private Answer error(HttpCall call, HttpError error) {
        ObjectNode json = mapper.createObjectNode();
        String message = String.valueOf(error.getMessage());
        if (call.path().equals("/write")) {
            json.put("error", message);
        } else {
            json.put("code", error.code).put("message", message);
        }
        error.badLines.ifPresent(bad -> {
            json.put("written_lines", bad.writtenLines());
            json.put("bad_lines", bad.count());
            ArrayNode lines = json.putArray("errors");
            for (LineError line : bad.first()) {
                lines.addObject().put("line", line.lineNumber()).put("reason", line.reason());
            }
        });
        error.refusal.ifPresent(refused -> describe(refused, json));
        Map<String, String> headers = new HashMap<>();
        // Rounded up: who comes back a second too early is refused again.
        error.retryAfter.ifPresent(after -> headers.put(
                "Retry-After",
                Long.toString(Math.max(1, after.plusNanos(999_999_999L).toSeconds()))));
        headers.put("X-Influxdb-Error", headerValue(message));
        error.allow.ifPresent(methods -> headers.put("Allow", methods));
        return new Answer(error.status, JSON, text(json), headers);
    }

    /// What gRPC tells in `google.rpc.ErrorInfo` and `RetryInfo`.
    private static void describe(Refused refused, ObjectNode json) {
        json.put("reason", refused.reason().name())
                .put("side_effects", "none")
                .put("retry_after_ms", refused.retryAfter().toMillis());
        refused.quota()
                .ifPresent(quota -> json.put("pool", quota.pool())
                        .put("bucket", quota.bucket())
                        .put("limit", quota.limit())
                        .put("current", quota.current()));
    }

    private static String headerValue(String message) {
        String line = message.lines().findFirst().orElse("").replaceAll("[^\\x20-\\x7e]", "?");
        return line.substring(0, Math.min(line.length(), MAX_HEADER_CHARS));
    }

    private String text(ObjectNode json) {
        try {
            return mapper.writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private void send(HttpCall call, Answer answer, boolean isBroken) throws IOException {
        Map<String, String> headers = new HashMap<>(answer.headers());
        headers.put("X-Sluice-Version", version);
        headers.put("X-Influxdb-Version", "sluice-" + version); // clients look for it in the answer to /ping
        if (answer.status() != 204) {
            headers.put("Content-Type", answer.contentType());
        }
        call.answer(new HttpAnswer(
                answer.status(),
                headers,
                answer.body().getBytes(StandardCharsets.UTF_8),
                isBroken || answer.status() == 413));
    }
}
