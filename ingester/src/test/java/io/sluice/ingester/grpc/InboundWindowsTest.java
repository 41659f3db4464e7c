package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
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
import io.sluice.ingester.fixture.RawHttp2;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
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

/// What clients may send of a message before and after its call was let in, by a real server, a real client, and one
/// that shows each frame.
@Timeout(120)
final class InboundWindowsTest {
    private static final int MAX_REQUEST_BYTES = 16 << 20;
    private static final String WRITE = "/sluice.v1.WriteService/Write";

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final IngestState state = new IngestState(() -> 0, metrics);
    private final AtomicInteger refusals = new AtomicInteger();
    private final GrpcServer server = new GrpcServer(
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
            GrpcServer.Limits.of(MAX_REQUEST_BYTES),
            executor,
            Thread.ofPlatform().factory(),
            () -> 0,
            new FixedByteBudget(4 * MAX_REQUEST_BYTES, "--inflight-bytes"),
            new WriteAdmission(
                    state,
                    new AdmissionController(AdmissionLimits.DEFAULT, Admissions.delays(), () -> 0, metrics),
                    Admissions.ALL_KNOWN,
                    Admissions.refusals(),
                    Admissions.work(Runnable::run),
                    _ -> refusals.incrementAndGet()),
            new BudgetedWrites(
                    new InFlightWrites(1 << 30, 1_000, () -> 0, metrics),
                    (_, _) -> CompletableFuture.completedStage(new WriteOutcome.Written(new SequenceNumber(7)))),
            (_, _) -> CompletableFuture.completedStage(new PersistSummary(1, 2, 3)),
            () -> "{}",
            metrics,
            List.of());

    @BeforeEach
    void start() throws IOException {
        server.start();
    }

    @AfterEach
    void stop() throws Exception {
        server.stop(Duration.ZERO);
        executor.close();
    }

    @Test
    void aClientMaySendMoreWhenItsCallIsLetIn() throws Exception {
        try (RawHttp2 client = new RawHttp2(server.port())) {
            client.begin(1, WRITE);
            client.message(1, 2 << 20, 16 * 1_024);
            client.awaitWindow(1, (1 << 20) - InboundWindows.FIRST_BYTES);
        }
    }

    @Test
    void aClientWhoseCallIsRefusedIsToldToStopAndNeverToSendMore() throws Exception {
        state.set(Reason.DISK_FULL);
        try (RawHttp2 client = new RawHttp2(server.port())) {
            client.begin(1, WRITE);
            client.message(1, 2 << 20, 32 * 1_024);
            client.awaitEnd(1);
            assertThat(client.awaitReset(1)).as("the code of the reset").isZero();
            assertThat(client.windowUpdates(1)).isZero();
            assertThat(refusals).hasValue(1);
        }
    }

    /// Far more than a connection may have open, or its client may cancel: a library resets each.
    @Test
    void writesThatAreRefusedLeaveNothingOpenBehindThem() {
        WriteRequest large = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("t")
                        .addColumns(Column.newBuilder()
                                .setStrings(Strings.newBuilder().setData(ByteString.copyFrom(new byte[256 * 1_024])))))
                .build();
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        try {
            WriteServiceGrpc.WriteServiceBlockingStub stub = WriteServiceGrpc.newBlockingStub(channel);
            state.set(Reason.DISK_FULL);
            for (int i = 0; i < 5_000; i++) {
                StatusRuntimeException refused =
                        catchThrowableOfType(StatusRuntimeException.class, () -> stub.write(large));
                assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            }
            assertThat(refusals).hasValue(5_000);
            state.clear(Reason.DISK_FULL);
            assertThat(stub.write(large).getSequenceNumber()).isEqualTo(7);
        } finally {
            channel.shutdownNow();
        }
        while (metrics.get("sluice.grpc.calls").gauge().value() > 0) {
            Thread.onSpinWait();
        }
    }
}
