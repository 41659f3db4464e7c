package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Which threads calls run on, by a real server and a real client.
@Timeout(120)
final class CallThreadsTest {
    private static final int MAX_REQUEST_BYTES = 1 << 20;

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicInteger tasks = new AtomicInteger();
    private final AtomicInteger writes = new AtomicInteger();
    private final IngestState state = new IngestState(() -> 0, metrics);
    private final AtomicInteger refusals = new AtomicInteger();
    private Runnable onRefused = refusals::incrementAndGet;
    private final GrpcServer server = new GrpcServer(
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
            GrpcServer.Limits.of(MAX_REQUEST_BYTES),
            task -> {
                tasks.incrementAndGet();
                threads.execute(task);
            },
            Thread.ofPlatform().factory(),
            () -> 0,
            new FixedByteBudget(4 * MAX_REQUEST_BYTES, "--inflight-bytes"),
            new WriteAdmission(
                    state,
                    new AdmissionController(AdmissionLimits.DEFAULT, Admissions.delays(), () -> 0, metrics),
                    Admissions.ALL_KNOWN,
                    Admissions.refusals(),
                    Admissions.work(Runnable::run),
                    _ -> onRefused.run()),
            new BudgetedWrites(new InFlightWrites(1 << 30, 1_000, () -> 0, metrics), (_, _) -> {
                writes.incrementAndGet();
                return CompletableFuture.completedStage(new WriteOutcome.Written(new SequenceNumber(7)));
            }),
            (_, _) -> CompletableFuture.completedStage(new PersistSummary(1, 2, 3)),
            () -> "{}",
            metrics,
            List.of());
    private ManagedChannel channel;

    @BeforeEach
    void start() throws IOException {
        server.start();
        channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
    }

    @AfterEach
    void stop() throws Exception {
        channel.shutdownNow();
        server.stop(Duration.ZERO);
        threads.close();
    }

    private void write() {
        var _ = WriteServiceGrpc.newBlockingStub(channel).write(WriteRequest.getDefaultInstance());
    }

    private Status.Code refusal() {
        return catchThrowableOfType(StatusRuntimeException.class, this::write)
                .getStatus()
                .getCode();
    }

    @Test
    void aWriteThatIsRefusedAtItsHeadersStaysOnItsConnectionsThread() {
        state.set(Reason.DISK_FULL);
        assertThat(refusal()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(tasks).hasValue(0);
        assertThat(refusals).as("refusals that were told").hasValue(1);
        assertThat(writes).hasValue(0);
    }

    @Test
    void aWriteThatIsLetInRunsOnTheExecutor() {
        write();
        assertThat(tasks).hasPositiveValue();
        assertThat(writes).hasValue(1);
    }

    @Test
    void aWriteIsRefusedEvenIfItsReasonHasGoneMeanwhile() {
        state.set(Reason.DISK_FULL);
        onRefused = () -> state.clear(Reason.DISK_FULL);
        assertThat(refusal()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(tasks).hasValue(0);
        assertThat(writes).hasValue(0);
        write();
        assertThat(writes).hasValue(1);
    }
}
