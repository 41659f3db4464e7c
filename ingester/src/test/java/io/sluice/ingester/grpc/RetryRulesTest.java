package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What clients make of our refusals by rules that are theirs: gRPC's own retry policy, and OpenTelemetry's.
@Timeout(60)
final class RetryRulesTest {
    /// Clients whose policy lists whatever might pass, and that would by themselves wait for longer than a test may
    /// take.
    private static final Map<String, ?> POLICY = Map.of(
            "methodConfig",
            List.of(Map.of(
                    "name",
                    List.of(Map.of("service", WriteServiceGrpc.SERVICE_NAME)),
                    "retryPolicy",
                    Map.of(
                            "maxAttempts",
                            4.0,
                            "initialBackoff",
                            "3600s",
                            "maxBackoff",
                            "3600s",
                            "backoffMultiplier",
                            1.0,
                            "retryableStatusCodes",
                            List.of("UNAVAILABLE", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT")))));

    private static final WriteRequest ARBITRARY_WRITE =
            WriteRequest.newBuilder().setNamespace("n").build();
    private static final WriteOutcome WRITTEN = new WriteOutcome.Written(new SequenceNumber(7));

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicInteger attempts = new AtomicInteger();
    private final Queue<WriteOutcome> outcomes = new ArrayDeque<>();
    private final GrpcServer server = new GrpcServer(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            GrpcServer.Limits.of(1 << 16),
            executor,
            Thread.ofPlatform().factory(),
            System::nanoTime,
            new FixedByteBudget(1 << 30, "--inflight-bytes"),
            Admissions.usual(),
            new BudgetedWrites(new InFlightWrites(1 << 30, 1_000, () -> 0, metrics), (_, _) -> {
                attempts.incrementAndGet();
                return CompletableFuture.completedStage(
                        Optional.ofNullable(outcomes.poll()).orElse(WRITTEN));
            }),
            (_, _) -> CompletableFuture.completedStage(new PersistSummary(0, 0, 0)),
            () -> "{}",
            metrics,
            List.of());
    private Optional<ManagedChannel> channel = Optional.empty();

    @BeforeEach
    void start() throws Exception {
        server.start();
        channel = Optional.of(NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .enableRetry()
                .defaultServiceConfig(POLICY)
                .build());
    }

    @AfterEach
    void stop() throws Exception {
        channel.orElseThrow().shutdownNow();
        server.stop(Duration.ofSeconds(5));
        executor.close();
    }

    private WriteServiceGrpc.WriteServiceBlockingStub stub() {
        return WriteServiceGrpc.newBlockingStub(channel.orElseThrow()).withDeadlineAfter(40, TimeUnit.SECONDS);
    }

    private static WriteOutcome refused(Reason reason) {
        return new WriteOutcome.Refused(reason, "not now", Duration.ofMillis(20));
    }

    @ParameterizedTest
    @EnumSource(Reason.class)
    void grpcsOwnPolicyComesBackWhenItIsToldAndNotByItsOwnClock(Reason reason) {
        outcomes.add(refused(reason));
        outcomes.add(refused(reason));
        assertThat(stub().write(ARBITRARY_WRITE).getSequenceNumber()).isEqualTo(7);
        assertThat(attempts.get()).isEqualTo(3);
    }

    @Test
    void grpcsOwnPolicyGivesUpWhatWillNotPassThoughItListsTheCode() {
        for (WriteOutcome failure : List.of(
                new WriteOutcome.LimitReached(WriteOutcome.Limit.TABLE_COUNT, "too many"),
                new WriteOutcome.Invalid("wrong"),
                new WriteOutcome.Conflict("another type"))) {
            attempts.set(0);
            outcomes.add(failure);
            assertThatThrownBy(() -> stub().write(ARBITRARY_WRITE)).isInstanceOf(StatusRuntimeException.class);
            assertThat(attempts.get()).as("%s", failure).isEqualTo(1);
        }
    }

    /// OTLP's rule: UNAVAILABLE is tried again; RESOURCE_EXHAUSTED only with `RetryInfo`, after its delay.
    private static Optional<Duration> waitsBefore(StatusRuntimeException failure) throws Exception {
        com.google.rpc.Status status = StatusProto.fromThrowable(failure);
        Optional<Duration> told = Optional.empty();
        if (status != null) {
            for (Any detail : status.getDetailsList()) {
                if (detail.is(RetryInfo.class)) {
                    com.google.protobuf.Duration delay =
                            detail.unpack(RetryInfo.class).getRetryDelay();
                    told = Optional.of(Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
                }
            }
        }
        return switch (failure.getStatus().getCode()) {
            case UNAVAILABLE -> Optional.of(told.orElse(Duration.ofSeconds(5)));
            case RESOURCE_EXHAUSTED -> told;
            default -> Optional.empty();
        };
    }

    /// Without a policy of its own.
    private StatusRuntimeException failure(WriteOutcome outcome) {
        outcomes.add(outcome);
        return failure(ARBITRARY_WRITE);
    }

    private StatusRuntimeException failure(WriteRequest request) {
        ManagedChannel plain = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .disableRetry()
                .build();
        try {
            throw new AssertionError(WriteServiceGrpc.newBlockingStub(plain).write(request));
        } catch (StatusRuntimeException e) {
            return e;
        } finally {
            plain.shutdownNow();
        }
    }

    @Test
    void otlpsRuleComesBackFromEveryRefusalAndFromNothingElse() throws Exception {
        for (Reason reason : Reason.values()) {
            assertThat(waitsBefore(failure(refused(reason)))).as("%s", reason).contains(Duration.ofMillis(20));
        }
        assertThat(waitsBefore(failure(new WriteOutcome.Invalid("wrong")))).isEmpty();
        assertThat(waitsBefore(failure(new WriteOutcome.Unknown("who knows")))).isEmpty();
        assertThat(waitsBefore(failure(new WriteOutcome.LimitReached(WriteOutcome.Limit.COLUMN_COUNT, "too many"))))
                .as("RESOURCE_EXHAUSTED without a hint")
                .isEmpty();
    }

    /// gRPC's answer to what is above its own limit has the code of a refusal, and no hint.
    @Test
    void otlpsRuleDoesNotComeBackFromWhatIsTooLarge() throws Exception {
        for (int lengthBytes : new int[] {(1 << 16) + 1, 3 << 16}) {
            WriteRequest large = WriteRequest.newBuilder()
                    .setNamespace("x".repeat(lengthBytes))
                    .build();
            assertThat(waitsBefore(failure(large))).as("%d bytes", lengthBytes).isEmpty();
        }
        assertThat(attempts.get()).isZero();
    }
}
