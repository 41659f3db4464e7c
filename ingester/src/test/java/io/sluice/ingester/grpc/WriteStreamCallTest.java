package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// The rules of a stream, one event at a time on one thread.
final class WriteStreamCallTest {
    private static final WriteOutcome REFUSED =
            new WriteOutcome.Refused(Reason.WAL_FULL, "full", Duration.ofSeconds(5));
    private static final int MAX_OPS = 4;

    private final InFlightWrites budget = new InFlightWrites(1 << 20, MAX_OPS, () -> 0, new SimpleMeterRegistry());
    private final CuedWrites writes = new CuedWrites();
    private final FakeCall<WriteStreamResponse> call = new FakeCall<>();
    private final List<String> ends = new ArrayList<>();
    private final WriteStreamCall stream = new WriteStreamCall(
            call,
            new BudgetedWrites(budget, writes),
            () -> CatalogAccess.FREE,
            Runnable::run,
            ConnectionThread.unknown(Runnable::run),
            (_, reason) -> ends.add(reason));

    @AfterEach
    void everyWriteEndsAndTheBudgetIsFree() {
        for (int i = 1; i <= writes.names().size(); i++) {
            writes.succeed(i);
        }
        assertThat(budget.writes()).isZero();
        assertThat(budget.bytes()).isZero();
        assertThat(budget.waiting()).isZero();
        assertThat(ends).hasSizeLessThanOrEqualTo(1);
    }

    private static InboundMessage message(byte[] bytes) {
        return new InboundMessage(bytes, Optional.empty());
    }

    private void send(long clientSequence) {
        stream.onMessage(message(WriteStreamRequest.newBuilder()
                .setClientSequence(clientSequence)
                .setWrite(WriteRequest.newBuilder().setNamespace("w" + clientSequence))
                .build()
                .toByteArray()));
    }

    private void start(int count) {
        stream.start();
        IntStream.rangeClosed(1, count).forEach(this::send);
    }

    private void assertFailed(Status.Code code, int acknowledgedThrough, String sideEffects) {
        assertThat(call.closed.map(Status::getCode)).contains(code);
        assertThat(call.trailer("acknowledged_through")).isEqualTo(Integer.toString(acknowledgedThrough));
        assertThat(call.trailer("failed_client_sequence")).isEqualTo(Integer.toString(acknowledgedThrough + 1));
        assertThat(call.trailer("side_effects")).isEqualTo(sideEffects);
    }

    /// As the pairs `acknowledged_through/sequence_number`.
    private static List<String> told(FakeCall<WriteStreamResponse> call) {
        return call.sent.stream()
                .map(ack -> ack.getAcknowledgedThrough() + "/" + ack.getSequenceNumber())
                .toList();
    }

    @Test
    void writesAreHandedOverInOrderWithoutWaitingForThoseBefore() {
        start(3);
        assertThat(writes.names()).containsExactly("w1", "w2", "w3");
        assertThat(call.sent).isEmpty();
    }

    @Test
    void anAckCoversAllWritesBeforeItAndNoneIsSentForAWriteWhosePredecessorIsOpen() {
        start(3);
        writes.succeed(2);
        writes.succeed(3);
        assertThat(call.sent).isEmpty();
        writes.succeed(1);
        assertThat(told(call)).containsExactly("3/103");
        send(4);
        writes.succeed(4);
        assertThat(told(call)).containsExactly("3/103", "4/104");
        stream.onHalfClose();
        assertThat(call.closed.map(Status::getCode)).contains(Status.Code.OK);
        assertThat(ends).containsExactly("COMPLETED");
    }

    @Test
    @DisplayName("Invariant 7: a stream ends when too many bytes wait already, behind the acks of its writes")
    void aStreamWhoseWriteMayNotEvenWaitEndsWithAReasonToComeBack() {
        start(2);
        List<WritePermit> others = new ArrayList<>();
        budget.enter((1 << 20) - (int) budget.bytes(), others::add);
        budget.limitWaiting(100);
        var waiting = budget.enter(100, others::add);
        send(3);
        assertThat(call.closed).as("those before it are not settled").isEmpty();
        writes.succeed(1);
        writes.succeed(2);
        assertThat(writes.names()).containsExactly("w1", "w2");
        assertFailed(Status.Code.RESOURCE_EXHAUSTED, 2, "none");
        assertThat(waiting.cancel()).as("who came before still waits").isTrue();
        others.forEach(WritePermit::close);
    }

    @Test
    void aStreamThatIsHalfClosedEndsBehindItsLastAck() {
        start(2);
        stream.onHalfClose();
        writes.succeed(1);
        assertThat(call.closed).isEmpty();
        writes.succeed(2);
        assertThat(told(call)).containsExactly("1/101", "2/102");
        assertThat(call.closed.map(Status::getCode)).contains(Status.Code.OK);
    }

    @Test
    void aStreamWithoutAWriteEndsWell() {
        start(0);
        stream.onHalfClose();
        assertThat(call.closed.map(Status::getCode)).contains(Status.Code.OK);
    }

    @Test
    void theFirstFailureEndsTheStreamBehindTheAcksOfThoseBefore() {
        start(3);
        writes.end(3, REFUSED);
        assertThat(call.closed).isEmpty();
        writes.succeed(1);
        assertThat(call.closed).isEmpty();
        writes.succeed(2);
        assertThat(told(call)).containsExactly("1/101", "2/102");
        assertFailed(Status.Code.RESOURCE_EXHAUSTED, 2, "none");
        assertThat(call.trailer("grpc-retry-pushback-ms")).isEqualTo("5000");
        assertThat(ends).containsExactly("WAL_FULL");
    }

    @Test
    @DisplayName("Prefix rule: nothing behind a failure is handed over, though those before it are still open")
    void nothingBehindAFailureIsHandedOver() {
        start(2);
        writes.end(2, new WriteOutcome.Invalid("wrong"));
        send(3);
        assertThat(writes.names()).containsExactly("w1", "w2");
        writes.succeed(1);
        assertFailed(Status.Code.INVALID_ARGUMENT, 1, "none");
    }

    @Test
    void whatWasHandedOverBehindAFailureIsWaitedForAndToldOf() {
        start(3);
        writes.succeed(1);
        writes.end(2, REFUSED);
        assertThat(call.closed).isEmpty();
        writes.succeed(3);
        assertThat(told(call)).containsExactly("1/101");
        assertFailed(Status.Code.RESOURCE_EXHAUSTED, 1, "possible");
    }

    @Test
    void theLowestFailureIsToldThoughAHigherOneCameFirst() {
        start(3);
        writes.end(3, new WriteOutcome.Invalid("wrong"));
        writes.end(2, REFUSED);
        writes.succeed(1);
        assertFailed(Status.Code.RESOURCE_EXHAUSTED, 1, "none");
    }

    @Test
    void anUnknownOutcomeMayHaveSideEffects() {
        start(1);
        writes.end(1, new WriteOutcome.Unknown("the log failed"));
        assertFailed(Status.Code.INTERNAL, 0, "possible");
        assertThat(ends).containsExactly("OUTCOME_UNKNOWN");
    }

    @Test
    void aGapARepeatAndZeroAreNamedWithWhatWasExpectedWhenTheirTurnComes() {
        for (long found : new long[] {4, 2, 0, -1}) {
            WriteStreamCallTest one = new WriteStreamCallTest();
            one.start(2);
            one.send(found);
            assertThat(one.call.closed).isEmpty();
            one.send(3);
            one.writes.succeed(1);
            one.writes.succeed(2);
            one.assertFailed(Status.Code.INVALID_ARGUMENT, 2, "none");
            assertThat(one.call.closed.map(Status::getDescription))
                    .contains("client_sequence is %s: expected 3".formatted(Long.toUnsignedString(found)));
            assertThat(one.writes.names()).containsExactly("w1", "w2");
            one.everyWriteEndsAndTheBudgetIsFree();
        }
    }

    @Test
    void aMessageThatIsTooLargeOrNoMessageFailsWhenItsTurnComes() {
        start(1);
        stream.onMessage(new InboundMessage(new byte[0], Optional.of("the message has 17 bytes: expected at most 16")));
        assertThat(call.closed).isEmpty();
        writes.succeed(1);
        assertFailed(Status.Code.INVALID_ARGUMENT, 1, "none");
        assertThat(ends).containsExactly("MESSAGE_TOO_LARGE");

        WriteStreamCallTest other = new WriteStreamCallTest();
        other.start(0);
        other.stream.onMessage(message("no protobuf".getBytes(StandardCharsets.UTF_8)));
        other.assertFailed(Status.Code.INVALID_ARGUMENT, 0, "none");
        assertThat(other.ends).containsExactly("INVALID_WRITE");
    }

    @Test
    void aFewSmallMessagesAreAskedForAheadAndNoMoreWhileOneWaitsForRoom() {
        start(0);
        assertThat(call.requested).isEqualTo(1);
        IntStream.rangeClosed(1, MAX_OPS).forEach(this::send);
        int asked = call.requested;
        assertThat(asked).isBetween(MAX_OPS + 32, MAX_OPS + 64);
        send(MAX_OPS + 1);
        send(MAX_OPS + 2);
        assertThat(budget.waiting()).isEqualTo(1);
        assertThat(call.requested).as("while it waits").isEqualTo(asked);
        assertThat(writes.names()).hasSize(MAX_OPS);
        writes.succeed(2);
        assertThat(writes.names()).hasSize(MAX_OPS + 1).endsWith("w5");
        writes.succeed(1);
        assertThat(writes.names()).hasSize(MAX_OPS + 2).endsWith("w6");
        for (int i = MAX_OPS + 3; i <= 100; i++) {
            writes.succeed(i - MAX_OPS);
            send(i);
            assertThat(call.requested - i)
                    .as("asked for and not sent, behind %d", i)
                    .isBetween(1, 64);
        }
    }

    @Test
    void aLargeMessageIsAskedForWhenTheOneBeforeHoldsItsRoom() {
        start(0);
        WriteRequest large =
                WriteRequest.newBuilder().setNamespace("x".repeat(64 * 1_024)).build();
        for (int i = 1; i <= MAX_OPS; i++) {
            assertThat(call.requested).isEqualTo(i);
            stream.onMessage(message(WriteStreamRequest.newBuilder()
                    .setClientSequence(i)
                    .setWrite(large)
                    .build()
                    .toByteArray()));
        }
        assertThat(call.requested).isEqualTo(MAX_OPS + 1);
    }

    @Test
    void whatArrivedBehindAWriteThatWaitsIsDroppedWithItWhenAnEarlierOneFails() {
        start(MAX_OPS + 3);
        stream.onHalfClose();
        writes.end(1, REFUSED);
        IntStream.rangeClosed(2, MAX_OPS).forEach(writes::succeed);
        assertThat(writes.names()).hasSize(MAX_OPS);
        assertFailed(Status.Code.RESOURCE_EXHAUSTED, 0, "possible");
    }

    @Test
    void aHalfClosedStreamEndsBehindWhatArrivedAndHadToWait() {
        start(MAX_OPS + 3);
        stream.onHalfClose();
        for (int i = 1; i <= MAX_OPS + 2; i++) {
            writes.succeed(i);
            assertThat(call.closed).isEmpty();
        }
        writes.succeed(MAX_OPS + 3);
        assertThat(told(call)).endsWith("7/107");
        assertThat(call.closed.map(Status::getCode)).contains(Status.Code.OK);
    }

    @Test
    void aClientThatDoesNotReadGetsTheNewestAckWhenItReadsAgain() {
        start(3);
        call.isReady = false;
        writes.succeed(1);
        writes.succeed(2);
        assertThat(call.sent).isEmpty();
        call.isReady = true;
        stream.onReady();
        assertThat(told(call)).containsExactly("2/102");
        call.isReady = false;
        writes.succeed(3);
        stream.onHalfClose();
        assertThat(told(call)).as("the last one is sent anyway").containsExactly("2/102", "3/103");
        assertThat(call.closed).isPresent();
    }

    /// gRPC says "ready" once, and may say so just while the sender finds that it is not.
    @Test
    void readinessThatComesWhileTheSenderLooksIsNotMissed() {
        FakeCall<WriteStreamResponse> turning = new FakeCall<>();
        List<Runnable> tasks = new ArrayList<>();
        List<WriteStreamCall> made = new ArrayList<>();
        class Turning extends io.grpc.ForwardingServerCall<InboundMessage, WriteStreamResponse> {
            private boolean isFirstLook = true;

            @Override
            protected FakeCall<WriteStreamResponse> delegate() {
                return turning;
            }

            @Override
            public boolean isReady() {
                if (isFirstLook) {
                    isFirstLook = false;
                    made.getFirst().onReady();
                    return false;
                }
                return true;
            }
        }
        made.add(new WriteStreamCall(
                new Turning(),
                new BudgetedWrites(budget, writes),
                () -> CatalogAccess.FREE,
                Runnable::run,
                ConnectionThread.unknown(tasks::add),
                (_, reason) -> ends.add(reason)));
        made.getFirst()
                .onMessage(message(WriteStreamRequest.newBuilder()
                        .setClientSequence(1)
                        .setWrite(WriteRequest.newBuilder().setNamespace("w1"))
                        .build()
                        .toByteArray()));
        writes.succeed(1);
        assertThat(tasks).hasSize(1);
        tasks.removeFirst().run();
        assertThat(told(turning)).containsExactly("1/101");
    }

    @Test
    void whenTheConnectionsThreadHasEndedTheExecutorTells() {
        FakeCall<WriteStreamResponse> late = new FakeCall<>();
        WriteStreamCall ofLate = new WriteStreamCall(
                late,
                new BudgetedWrites(budget, writes),
                () -> CatalogAccess.FREE,
                Runnable::run,
                ConnectionThread.unknown(_ -> {
                    throw new RejectedExecutionException("event executor terminated");
                }),
                (_, reason) -> ends.add(reason));
        ofLate.onMessage(message(WriteStreamRequest.newBuilder()
                .setClientSequence(1)
                .setWrite(WriteRequest.newBuilder().setNamespace("w1"))
                .build()
                .toByteArray()));
        writes.succeed(1);
        assertThat(told(late)).containsExactly("1/101");
    }

    @Test
    void aClientThatIsGoneLeavesItsPlaceAndWhatItHandedOverKeepsItsRoom() {
        start(MAX_OPS + 1);
        assertThat(budget.waiting()).isEqualTo(1);
        stream.onCancel();
        assertThat(budget.waiting()).isZero();
        assertThat(budget.writes()).isEqualTo(MAX_OPS);
        send(MAX_OPS + 2);
        for (int i = 1; i <= MAX_OPS; i++) {
            writes.succeed(i);
            assertThat(budget.writes()).isEqualTo(MAX_OPS - i);
        }
        assertThat(writes.names()).hasSize(MAX_OPS);
        assertThat(call.sent).isEmpty();
        assertThat(call.closed).isEmpty();
        assertThat(ends).containsExactly("CANCELLED");
    }

    @Test
    void aWriteThatWaitsBehindAFailureGivesItsPlaceUp() {
        List<WritePermit> others = new ArrayList<>();
        for (int i = 1; i < MAX_OPS; i++) {
            budget.enter(1, others::add);
        }
        start(2);
        assertThat(budget.waiting()).isEqualTo(1);
        writes.end(1, REFUSED);
        assertThat(budget.waiting()).isZero();
        assertThat(writes.names()).containsExactly("w1");
        assertFailed(Status.Code.RESOURCE_EXHAUSTED, 0, "none");
        others.forEach(WritePermit::close);
    }

    @Test
    void aStopEndsTheStreamInPlaceOfItsNextWrite() {
        start(2);
        Failure stopping = Failure.refused(
                new WriteOutcome.Refused(Reason.GRACEFUL_STOP, "the server is stopping", Duration.ofSeconds(5)));
        stream.stop(stopping);
        send(3);
        stream.stop(stopping);
        writes.succeed(1);
        writes.succeed(2);
        assertThat(writes.names()).containsExactly("w1", "w2");
        assertThat(told(call)).containsExactly("1/101", "2/102");
        assertFailed(Status.Code.UNAVAILABLE, 2, "none");
        assertThat(ends).containsExactly("GRACEFUL_STOP");

        WriteStreamCallTest halfClosed = new WriteStreamCallTest();
        halfClosed.start(1);
        halfClosed.stream.onHalfClose();
        halfClosed.stream.stop(stopping);
        halfClosed.writes.succeed(1);
        assertThat(halfClosed.call.closed.map(Status::getCode)).contains(Status.Code.OK);
    }

    /// Outcomes in any order, one of them perhaps a failure: the acks rise, end at the failure, and no write behind a
    /// failure that was known is handed over.
    @Test
    void whateverTheOrderOfOutcomesTheAcksAreTheLongestPrefix() {
        for (long seed = 1; seed <= 500; seed++) {
            Random random = new Random(seed);
            WriteStreamCallTest one = new WriteStreamCallTest();
            int count = 1 + random.nextInt(MAX_OPS);
            int failing = 1 + random.nextInt(count + 1); // none if above the count
            one.start(count);
            one.stream.onHalfClose();
            List<Integer> order =
                    new ArrayList<>(IntStream.rangeClosed(1, count).boxed().toList());
            Collections.shuffle(order, random);
            for (int number : order) {
                if (number == failing) {
                    one.writes.end(number, REFUSED);
                } else {
                    one.writes.succeed(number);
                }
                one.call.isReady = random.nextBoolean();
            }
            List<Long> acks = one.call.sent.stream()
                    .map(WriteStreamResponse::getAcknowledgedThrough)
                    .toList();
            assertThat(acks).as("seed %d", seed).isSorted().doesNotHaveDuplicates();
            long last = acks.isEmpty() ? 0 : acks.getLast();
            assertThat(last).as("seed %d", seed).isEqualTo(failing - 1L);
            assertThat(one.call.closed.map(Status::isOk)).as("seed %d", seed).contains(failing > count);
            one.everyWriteEndsAndTheBudgetIsFree();
        }
    }
}
