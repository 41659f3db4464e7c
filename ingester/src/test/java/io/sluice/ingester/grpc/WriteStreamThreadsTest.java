package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// A stream whose messages come on the connection's thread, one event at a time: what may block goes on elsewhere, and
/// the order stays.
final class WriteStreamThreadsTest {
    private final InFlightWrites budget = new InFlightWrites(1 << 20, 4, () -> 0, new SimpleMeterRegistry());
    private final CuedWrites writes = new CuedWrites();
    private final FakeCall<WriteStreamResponse> call = new FakeCall<>();
    /// The executor's, until the test runs them.
    private final Queue<Runnable> tasks = new ArrayDeque<>();

    private boolean isQuick = true;
    private boolean hasEnded;
    private boolean isOnConnection;

    private final WriteStreamCall stream = new WriteStreamCall(
            call,
            new SometimesQuickWrites(new BudgetedWrites(budget, writes), () -> {
                assertThat(isOnConnection).isTrue();
                return isQuick;
            }),
            () -> CatalogAccess.FREE,
            this::execute,
            new ConnectionThread() {
                @Override
                public boolean isCurrent() {
                    return isOnConnection;
                }

                @Override
                public void execute(Runnable task) {
                    task.run();
                }
            },
            (_, _) -> {});

    @AfterEach
    void theBudgetIsFree() {
        for (int i = 1; i <= writes.names().size(); i++) {
            writes.succeed(i);
        }
        assertThat(budget.writes()).isZero();
        assertThat(budget.waiting()).isZero();
    }

    private void execute(Runnable task) {
        if (hasEnded) {
            throw new RejectedExecutionException("the executor has ended");
        }
        tasks.add(task);
    }

    private void send(long clientSequence) {
        isOnConnection = true;
        try {
            stream.onMessage(new InboundMessage(
                    WriteStreamRequest.newBuilder()
                            .setClientSequence(clientSequence)
                            .setWrite(WriteRequest.newBuilder().setNamespace("w" + clientSequence))
                            .build()
                            .toByteArray(),
                    Optional.empty()));
        } finally {
            isOnConnection = false;
        }
    }

    private void runTask() {
        tasks.remove().run();
    }

    @Test
    void writesThatBlockNobodyAreHandedOverWhereTheyCome() {
        send(1);
        send(2);
        assertThat(writes.names()).containsExactly("w1", "w2");
        assertThat(tasks).isEmpty();
        writes.succeed(1);
        writes.succeed(2);
        assertThat(call.sent)
                .extracting(WriteStreamResponse::getAcknowledgedThrough)
                .containsExactly(1L, 2L);
    }

    @Test
    void whatComesBehindAWriteThatMayBlockWaitsForItThoughItWouldNotBlock() {
        isQuick = false;
        send(1);
        isQuick = true;
        send(2);
        send(3);
        assertThat(writes.names()).isEmpty();
        assertThat(tasks).hasSize(1);
        runTask();
        assertThat(writes.names()).containsExactly("w1", "w2", "w3");
        send(4);
        assertThat(writes.names()).endsWith("w4");
        assertThat(tasks).isEmpty();
    }

    @Test
    void aStreamThatIsHalfClosedMeanwhileEndsBehindThoseWrites() {
        isQuick = false;
        send(1);
        send(2);
        stream.onHalfClose();
        assertThat(call.closed).isEmpty();
        runTask();
        writes.succeed(1);
        assertThat(call.closed).isEmpty();
        writes.succeed(2);
        assertThat(call.closed.map(Status::getCode)).contains(Status.Code.OK);
    }

    @Test
    void aWriteOnItsWayElsewhereIsDroppedWhenItsClientIsGone() {
        isQuick = false;
        send(1);
        send(2);
        stream.onCancel();
        runTask();
        assertThat(writes.names()).isEmpty();
        assertThat(budget.writes()).isZero();
    }

    @Test
    void nothingBehindAFailureIsHandedOverHereOrElsewhere() {
        send(1);
        isQuick = false;
        send(2);
        writes.end(1, new WriteOutcome.Invalid("wrong"));
        runTask();
        isQuick = true;
        send(3);
        assertThat(writes.names()).containsExactly("w1");
        assertThat(call.trailer("side_effects")).isEqualTo("none");
    }

    @Test
    void aWriteThatNobodyTakesGivesItsRoomBackAndEndsTheStream() {
        isQuick = false;
        hasEnded = true;
        assertThatThrownBy(() -> send(1)).isInstanceOf(RejectedExecutionException.class);
        assertThat(budget.writes()).isZero();
        assertThat(call.closed.map(Status::getCode)).contains(Status.Code.INTERNAL);
    }
}
