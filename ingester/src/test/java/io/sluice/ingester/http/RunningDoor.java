package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.AdmissionStatistics.BucketStatistics;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineParsers;
import io.sluice.model.NamespaceName;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.zip.GZIPOutputStream;

/// The real door on a free port of 127.0.0.1, with a client and fakes behind it. Closing it waits for every request,
/// and fails if one of them kept room in the budget.
final class RunningDoor implements AutoCloseable {
    private static final long HOUR_NANOS = Duration.ofHours(1).toNanos();
    static final int MAX_REQUEST_BYTES = 1 << 20;
    static final Instant NOW = Instant.ofEpochSecond(1_763_683_200L, 123_456_789L);
    static final Duration MAX_WORK_WAIT = Duration.ofMinutes(1);
    static final String VERSION = "9.8.7";

    final FakeWrites writes = new FakeWrites();
    final ObservedBudget budget;
    final List<String> reasonsNotReady = new CopyOnWriteArrayList<>();
    final AtomicReference<BiFunction<NamespaceName, CatalogAccess, KnownColumns>> known =
            new AtomicReference<>((_, _) -> KnownColumns.NONE);
    final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    final AdmissionController admission;
    /// The time of those who wait for a processor.
    final AtomicLong workNs = new AtomicLong();
    /// Bodies that were not parsed where they were read.
    final AtomicInteger handedOver = new AtomicInteger();
    private final AtomicLong nowNs = new AtomicLong();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpClient client = HttpClient.newHttpClient();
    private final HttpDoor door;

    /// With the smallest budget that there may be.
    RunningDoor() {
        this(1_000, HttpDoor.minBodyBudgetBytes(MAX_REQUEST_BYTES));
    }

    RunningDoor(int maxRequests, long budgetBytes) {
        this(maxRequests, budgetBytes, AdmissionLimits.DEFAULT);
    }

    RunningDoor(int maxRequests, long budgetBytes, AdmissionLimits limits) {
        admission = new AdmissionController(limits, Admissions.delays(), () -> 0, metrics);
        budget = new ObservedBudget(budgetBytes);
        HttpDoor.Parts parts = new HttpDoor.Parts(
                ConnectionLimits.DEFAULT,
                MAX_REQUEST_BYTES,
                () -> maxRequests,
                budget,
                new LineParsers(42, 2, 1 << 20, metrics),
                1 << 20,
                Admissions.of(
                        admission,
                        Admissions.ALL_KNOWN,
                        new WorkQueue(2, 0, MAX_WORK_WAIT, this::handOver, workNs::get, metrics)),
                Admissions.refusals(),
                writes,
                (namespace, access) -> known.get().apply(namespace, access),
                () -> reasonsNotReady,
                () -> "{\"state\":\"running\"}",
                () -> "sluice_up 1\n",
                VERSION);
        try {
            door = new HttpDoor(
                    new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                    executor,
                    parts,
                    InstantSource.fixed(NOW),
                    () -> nowNs.addAndGet(HOUR_NANOS), // so that nobody comes back too early
                    _ -> {},
                    metrics);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        door.start();
    }

    private void handOver(Runnable parsing) {
        handedOver.incrementAndGet();
        executor.execute(parsing);
    }

    /// Bytes of line protocol that wait for a processor.
    double waitingForWork() {
        return metrics.get("sluice.work.waiting.bytes").gauge().value();
    }

    /// What is known of every namespace from now on.
    void know(KnownColumns columns) {
        known.set((_, _) -> columns);
    }

    int port() {
        return door.port();
    }

    HttpRequest.Builder request(String pathAndQuery) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + pathAndQuery));
    }

    HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    CompletableFuture<HttpResponse<String>> sendAsync(HttpRequest.Builder request) {
        return client.sendAsync(request.build(), BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return send(request(path));
    }

    HttpResponse<String> post(String pathAndQuery, String lines) throws IOException, InterruptedException {
        return send(request(pathAndQuery).POST(BodyPublishers.ofString(lines)));
    }

    /// Writes lines to bucket `b`.
    HttpResponse<String> write(String lines) throws IOException, InterruptedException {
        return post("/api/v2/write?bucket=b", lines);
    }

    HttpResponse<String> writeGzip(byte[] packed) throws IOException, InterruptedException {
        return send(request("/api/v2/write?bucket=b")
                .header("Content-Encoding", "gzip")
                .POST(BodyPublishers.ofByteArray(packed)));
    }

    /// A body that does not tell its length.
    static BodyPublisher chunked(byte[] body) {
        return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
    }

    static byte[] gzip(byte[] bytes) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }

    static byte[] gzip(String text) {
        return gzip(text.getBytes(StandardCharsets.UTF_8));
    }

    /// One good line and a comment, `lengthBytes` together.
    static byte[] body(int lengthBytes) {
        String line = "m f=1i 1\n#";
        return (line + "x".repeat(lengthBytes - line.length())).getBytes(StandardCharsets.UTF_8);
    }

    static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError("no JSON: " + text, e);
        }
    }

    /// How many requests ended so: a status, or `aborted`.
    long counted(String path, String result) {
        return metrics.find("sluice.http.requests").tags("path", path, "status", result).timers().stream()
                .mapToLong(Timer::count)
                .sum();
    }

    /// Closes the server's side, and waits until all requests have ended.
    void stop() {
        writes.release();
        door.stop(Duration.ZERO);
        executor.close();
    }

    @Override
    public void close() {
        stop();
        client.shutdownNow();
        assertThat(admission.stats().buckets())
                .as("places that no request gave back")
                .extracting(BucketStatistics::current)
                .containsOnly(0);
        assertThat(budget.usedBytes()).as("bytes that no request gave back").isZero();
    }
}
