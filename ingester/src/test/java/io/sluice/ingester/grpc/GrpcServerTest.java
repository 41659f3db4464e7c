package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.PersistRequest;
import io.sluice.proto.v1.PersistServiceGrpc;
import io.sluice.proto.v1.StatusRequest;
import io.sluice.proto.v1.StatusServiceGrpc;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// The gRPC door with a real client: what goes in arrives as it was, and each outcome is the status that clients know.
final class GrpcServerTest {
    private static final int MAX_REQUEST_BYTES = 64 * 1024;
    private static final WriteRequest ARBITRARY_WRITE =
            WriteRequest.newBuilder().setNamespace("n").build();

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final List<byte[]> received = Collections.synchronizedList(new ArrayList<>());
    private volatile WriteOutcome outcome = new WriteOutcome.Written(new SequenceNumber(7));
    private final GrpcServer server = new GrpcServer(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            GrpcServer.Limits.of(MAX_REQUEST_BYTES),
            executor,
            Thread.ofPlatform().factory(),
            System::nanoTime,
            new FixedByteBudget(1 << 30, "--inflight-bytes"),
            Admissions.usual(),
            new BudgetedWrites(new InFlightWrites(1 << 30, 1_000, () -> 0, metrics), (request, _) -> {
                received.add(request);
                return CompletableFuture.completedStage(outcome);
            }),
            (_, _) -> CompletableFuture.completedStage(new PersistSummary(1, 2, 3)),
            () -> "{}",
            metrics,
            List.of());
    private ManagedChannel channel =
            NettyChannelBuilder.forAddress("127.0.0.1", 1).usePlaintext().build();

    @BeforeEach
    void start() throws Exception {
        server.start();
        channel.shutdownNow();
        channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
    }

    @AfterEach
    void stop() throws Exception {
        channel.shutdownNow();
        server.stop(Duration.ofSeconds(5));
        executor.close();
    }

    private long write(WriteRequest request) {
        return WriteServiceGrpc.newBlockingStub(channel).write(request).getSequenceNumber();
    }

    private StatusRuntimeException failure(WriteOutcome failed) {
        outcome = failed;
        try {
            write(ARBITRARY_WRITE);
        } catch (StatusRuntimeException e) {
            return e;
        }
        throw new AssertionError("no failure for " + failed);
    }

    private static ErrorInfo info(StatusRuntimeException failure) throws Exception {
        com.google.rpc.Status status = StatusProto.fromThrowable(failure);
        assertThat(status).isNotNull();
        return status.getDetails(0).unpack(ErrorInfo.class);
    }

    @Test
    void theBytesOfAWriteArriveAsTheyWereSent() {
        WriteRequest request = WriteRequest.newBuilder()
                .setNamespace("metrics")
                .addTables(TableBatch.newBuilder().setTable("cpu").setRowCount(3))
                .build();
        assertThat(write(request)).isEqualTo(7);
        assertThat(received).singleElement().isEqualTo(request.toByteArray());
    }

    @Test
    void anInvalidWriteAndAConflictAreInvalidArgumentsWithoutSideEffects() throws Exception {
        StatusRuntimeException invalid = failure(new WriteOutcome.Invalid("namespace is missing"));
        assertThat(invalid.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(invalid.getStatus().getDescription()).isEqualTo("namespace is missing");
        assertThat(info(invalid).getReason()).isEqualTo("INVALID_WRITE");
        assertThat(info(invalid).getMetadataMap()).containsEntry("side_effects", "none");
        assertThat(info(failure(new WriteOutcome.Conflict("column"))).getReason())
                .isEqualTo("SCHEMA_CONFLICT");
    }

    @Test
    void aRefusalSaysWhenToComeBackInEveryWayThatClientsRead() throws Exception {
        for (WriteOutcome.Reason reason : WriteOutcome.Reason.values()) {
            StatusRuntimeException refused =
                    failure(new WriteOutcome.Refused(reason, "not now", Duration.ofMillis(1_500)));
            assertThat(refused.getStatus().getCode())
                    .as(reason.name())
                    .isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.UNAVAILABLE);
            assertThat(info(refused).getReason()).isEqualTo(reason.name());
            assertThat(info(refused).getMetadataMap()).containsEntry("side_effects", "none");
            com.google.rpc.Status status = StatusProto.fromThrowable(refused);
            assertThat(status).isNotNull();
            RetryInfo retry = status.getDetails(1).unpack(RetryInfo.class);
            assertThat(retry.getRetryDelay().getSeconds()).isEqualTo(1);
            assertThat(retry.getRetryDelay().getNanos()).isEqualTo(500_000_000);
            Metadata trailers = refused.getTrailers();
            assertThat(trailers).isNotNull();
            assertThat(trailers.get(Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER)))
                    .isEqualTo("1500");
        }
    }

    @Test
    void anUnknownOutcomeSaysThatTheWriteMayHaveHappened() throws Exception {
        StatusRuntimeException unknown = failure(new WriteOutcome.Unknown("the log failed"));
        assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(info(unknown).getMetadataMap()).containsEntry("side_effects", "possible");
    }

    private static WriteRequest ofBytes(int dataBytes) {
        return WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .addColumns(io.sluice.proto.v1.Column.newBuilder()
                                .setStrings(Strings.newBuilder().setData(ByteString.copyFrom(new byte[dataBytes])))))
                .build();
    }

    private StatusRuntimeException failure(WriteServiceGrpc.WriteServiceBlockingStub stub, WriteRequest request) {
        try {
            throw new AssertionError("no failure: " + stub.write(request));
        } catch (StatusRuntimeException e) {
            return e;
        }
    }

    @Test
    void aRequestThatIsTooLargeIsToldSoAndTheServerGoesOn() throws Exception {
        WriteServiceGrpc.WriteServiceBlockingStub plain = WriteServiceGrpc.newBlockingStub(channel);
        WriteRequest large = ofBytes(MAX_REQUEST_BYTES);
        StatusRuntimeException refused = failure(plain, large);
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refused.getStatus().getDescription())
                .contains(large.getSerializedSize() + " bytes", "at most " + MAX_REQUEST_BYTES);
        assertThat(info(refused).getReason()).isEqualTo("MESSAGE_TOO_LARGE");
        assertThat(info(refused).getMetadataMap()).containsEntry("side_effects", "none");
        // Packed, its length shows only when it is unpacked.
        StatusRuntimeException packed = failure(plain.withCompression("gzip"), large);
        assertThat(packed.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(info(packed).getReason()).isEqualTo("MESSAGE_TOO_LARGE");
        assertThat(received).isEmpty();
        assertThat(write(ARBITRARY_WRITE)).isEqualTo(7);
        WriteRequest largest = ofBytes(MAX_REQUEST_BYTES - 32);
        assertThat(largest.getSerializedSize()).isLessThanOrEqualTo(MAX_REQUEST_BYTES);
        assertThat(plain.withCompression("gzip").write(largest).getSequenceNumber())
                .isEqualTo(7);
        assertThat(received.getLast()).isEqualTo(largest.toByteArray());
    }

    @Test
    @DisplayName("Invariant 7: a message of more than twice the limit is not even taken off the network")
    void aRequestThatIsFarTooLargeIsEndedByGrpcItself() {
        StatusRuntimeException refused =
                failure(WriteServiceGrpc.newBlockingStub(channel), ofBytes(2 * MAX_REQUEST_BYTES));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(received).isEmpty();
        assertThat(write(ARBITRARY_WRITE)).isEqualTo(7);
    }

    @Test
    void persistStatusAndHealthAnswer() {
        assertThat(PersistServiceGrpc.newBlockingStub(channel)
                        .persist(PersistRequest.getDefaultInstance())
                        .getFiles())
                .isEqualTo(3);
        assertThatThrownBy(() -> PersistServiceGrpc.newBlockingStub(channel)
                        .persist(PersistRequest.newBuilder().setTable("t").build()))
                .hasMessageContaining("without a namespace");
        assertThat(StatusServiceGrpc.newBlockingStub(channel)
                        .status(StatusRequest.getDefaultInstance())
                        .getJson())
                .isEqualTo("{}");
        HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
        assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
                .isEqualTo(ServingStatus.NOT_SERVING);
        server.setServing(true);
        assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
                .isEqualTo(ServingStatus.SERVING);
        server.setServing(false);
        assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
                .isEqualTo(ServingStatus.NOT_SERVING);
    }

    @Test
    void aServerThatStopsDoesNotServeAgainWhateverIsToldOfIt() {
        HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
        server.setServing(true);
        server.endServing();
        server.setServing(true);
        assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
                .isEqualTo(ServingStatus.NOT_SERVING);
    }

    @Test
    void aLimitOfTheSchemaIsToldByItsNameAndWithoutAHintToTryAgain() throws Exception {
        StatusRuntimeException failure =
                failure(new WriteOutcome.LimitReached(WriteOutcome.Limit.TABLE_COUNT, "one too many"));
        assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(failure.getStatus().getDescription()).isEqualTo("one too many");
        assertThat(info(failure).getReason()).isEqualTo("TABLE_COUNT_LIMIT");
        assertThat(info(failure).getMetadataMap()).containsEntry("side_effects", "none");
        com.google.rpc.Status status = StatusProto.fromThrowable(failure);
        assertThat(status).isNotNull();
        assertThat(status.getDetailsCount()).as("no RetryInfo").isEqualTo(1);
    }
}
