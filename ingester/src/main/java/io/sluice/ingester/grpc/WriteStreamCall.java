package io.sluice.ingester.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.grpc.StreamProgress.Entry;
import io.sluice.ingester.grpc.StreamProgress.Result;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.WriteStreamResponse;
import io.sluice.wal.AppendSession;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One `WriteStream`: hands its writes over in order, without waiting for those before, and acknowledges them in order.
///
/// - **Threads.** gRPC calls on the connection's thread for short messages, and on another one for others. What may
///   block, such as a write that needs the catalog, goes on on the executor, and what comes meanwhile waits its turn.
/// - **Reading.** gRPC is asked for a few messages ahead, as many as [#AHEAD_BYTES] hold, and for no more while one
///   waits for room in the budget: HTTP/2 then slows the client down. No thread waits with it.
/// - **Acks** are cumulative. Outcomes come on the log's thread, which does no more than to note them; a task of the
///   connection's thread sends the newest ack, one task at a time: from anywhere else, it would have to be handed
///   over to that thread once more. While the client does not read, none is sent.
/// - **The first failure** ends the stream: nothing behind it is handed over from then on, and the stream is closed
///   when it is known what became of everything that was. A message that is wrong in itself waits its turn like a
///   write.
/// - **A client that is gone** changes nothing for writes that were handed over.
///
/// gRPC calls the listener's methods one after the other; any thread may call the others.
final class WriteStreamCall extends ServerCall.Listener<InboundMessage> {
    private static final Logger LOG = LoggerFactory.getLogger(WriteStreamCall.class);
    private static final Metadata.Key<String> ACKNOWLEDGED_THROUGH = key("acknowledged_through");
    private static final Metadata.Key<String> FAILED_CLIENT_SEQUENCE = key("failed_client_sequence");
    private static final Metadata.Key<String> SIDE_EFFECTS = key("side_effects");
    /// Bytes of acks that gRPC holds for a client that does not read, before it says so: about 60 acks.
    private static final int READY_BYTES = 1_024;
    /// Messages that are asked for before their turn, by the length of the last one; always one at least. To ask one by
    /// one is a change of threads, there and back, for each.
    private static final int AHEAD_BYTES = 64 * 1_024;

    private static final int MAX_AHEAD = 64;

    private final ServerCall<InboundMessage, WriteStreamResponse> call;
    private final StreamedWriteHandler writes;
    private final Supplier<CatalogAccess> catalog;
    private final Executor executor;
    private final ConnectionThread connection;
    /// Hears once that the stream is over, and why.
    private final BiConsumer<WriteStreamCall, String> onEnd;
    /// The log may refuse a write when later ones are in its queue already.
    private final AppendSession session = new AppendSession();

    /// Never held while gRPC or the write path is called.
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final StreamProgress progress = new StreamProgress();

    /// Messages whose turn has not come.
    @GuardedBy("lock")
    private final Queue<InboundMessage> arrived = new ArrayDeque<>();

    /// Whether somebody takes messages from there, or one waits for room.
    @GuardedBy("lock")
    private boolean isTaking;

    /// Messages that gRPC was asked for, and that were not taken.
    @GuardedBy("lock")
    private int ahead = 1;

    @GuardedBy("lock")
    private Optional<Place> place = Optional.empty();

    /// What the client was told.
    @GuardedBy("lock")
    private long sentThrough;

    @GuardedBy("lock")
    private boolean isHalfClosed;

    /// The call was closed, or the client is gone.
    @GuardedBy("lock")
    private boolean isOver;

    /// Whether a task sends, or is about to.
    @GuardedBy("lock")
    private boolean isSending;

    /// Whether there was something new since that task looked.
    @GuardedBy("lock")
    private boolean isNews;

    /// @param catalog makes each write its way to the catalog
    /// @param executor runs what prepares a write that may block
    /// @param connection runs what answers; gRPC may call on it, or on any other thread
    WriteStreamCall(
            ServerCall<InboundMessage, WriteStreamResponse> call,
            StreamedWriteHandler writes,
            Supplier<CatalogAccess> catalog,
            Executor executor,
            ConnectionThread connection,
            BiConsumer<WriteStreamCall, String> onEnd) {
        this.call = call;
        this.writes = writes;
        this.catalog = catalog;
        this.executor = executor;
        this.connection = connection;
        this.onEnd = onEnd;
    }

    /// The write that waits for room.
    private record Place(Entry entry, Waiting waiting) {}

    private static Metadata.Key<String> key(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    /// What a stream's end says besides its status.
    static Metadata trailers(long acknowledgedThrough, Failure failure) {
        Metadata trailers = new Metadata();
        trailers.put(ACKNOWLEDGED_THROUGH, Long.toString(acknowledgedThrough));
        trailers.put(FAILED_CLIENT_SEQUENCE, Long.toString(acknowledgedThrough + 1));
        trailers.put(SIDE_EFFECTS, failure.sideEffects());
        return trailers;
    }

    void start() {
        call.setOnReadyThreshold(READY_BYTES);
        call.sendHeaders(new Metadata());
        call.request(1);
    }

    @Override
    public void onMessage(InboundMessage message) {
        lock.lock();
        try {
            if (isOver || progress.isFailing()) {
                message.close();
                return;
            }
            arrived.add(message);
            if (isTaking) {
                return;
            }
            isTaking = true;
        } finally {
            lock.unlock();
        }
        takeArrived();
    }

    /// A message whose turn it is.
    private record Turn(Entry entry, InboundMessage message) {}

    /// Takes messages until there are no more, or another thread goes on: as one has to wait for room, or may block.
    private void takeArrived() {
        for (Optional<Turn> turn = nextTurn(); turn.isPresent(); turn = nextTurn()) {
            if (!take(turn.get())) {
                return;
            }
        }
    }

    private Optional<Turn> nextTurn() {
        lock.lock();
        try {
            if (isOver || progress.isFailing()) {
                dropArrived();
            }
            InboundMessage message = arrived.poll();
            if (message == null) {
                isTaking = false;
                return Optional.empty();
            }
            // At once, so that a stream which is half-closed is not taken for one that has all its outcomes.
            return Optional.of(new Turn(progress.accept(), message));
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void dropArrived() {
        arrived.forEach(InboundMessage::close);
        arrived.clear();
    }

    /// Hands a message over; false if another thread goes on with it, and with those behind it.
    private boolean take(Turn turn) {
        try (InboundMessage _ = turn.message()) {
            return takeOpen(turn);
        }
    }

    private boolean takeOpen(Turn turn) {
        InboundMessage message = turn.message();
        Entry entry = turn.entry();
        if (message.excess().isPresent()) {
            settle(entry, new Result.Failed(Failure.tooLarge(message.excess().get())));
            return true;
        }
        if (message.refused().isPresent()) {
            settle(entry, result(message.refused().get()));
            return true;
        }
        StreamedMessage write;
        try {
            write = StreamedMessage.parse(message.bytes());
        } catch (InvalidProtocolBufferException e) {
            settle(entry, new Result.Failed(Failure.invalid("not a sluice.v1.WriteStreamRequest: " + e.getMessage())));
            return true;
        }
        if (write.clientSequence() == entry.clientSequence()) {
            return enter(entry, write.request());
        }
        settle(
                entry,
                new Result.Failed(Failure.badSequence("client_sequence is %s: expected %d"
                        .formatted(Long.toUnsignedString(write.clientSequence()), entry.clientSequence()))));
        return true;
    }

    /// Hands a write over that has room; one that has not goes on by itself when it has.
    private boolean enter(Entry entry, byte[] request) {
        Optional<WriteOutcome.Refused> crowded = writes.crowded(request.length);
        if (crowded.isPresent()) {
            settle(entry, result(crowded.get()));
            return true;
        }
        CompletableFuture<WritePermit> room = new CompletableFuture<>();
        Waiting waiting = writes.enter(request.length, room::complete);
        if (room.isDone()) {
            askForMore(request.length);
            if (connection.isCurrent()) {
                return tryHandOver(entry, request, room.join());
            }
            handOver(entry, request, room.join());
            return true;
        }
        Place waits = new Place(entry, waiting);
        boolean isUseless;
        lock.lock();
        try {
            place = Optional.of(waits);
            isUseless = isOver || progress.isBehindFailure(entry); // what was settled meanwhile did not see the place
        } finally {
            lock.unlock();
        }
        if (isUseless) {
            giveUp(waits);
        }
        // Room comes on the thread of another write's outcome, which must not prepare this one.
        var _ = room.thenAcceptAsync(
                permit -> {
                    handOver(entry, request, permit);
                    askForMore(request.length);
                    takeArrived();
                },
                executor);
        return false;
    }

    /// A message was taken: asks for others, several at a time.
    private void askForMore(int lengthBytes) {
        int more;
        lock.lock();
        try {
            ahead--;
            int wanted = Math.clamp(AHEAD_BYTES / Math.max(1, lengthBytes), 1, MAX_AHEAD);
            more = 2 * ahead <= wanted ? wanted - ahead : 0;
            ahead += more;
        } finally {
            lock.unlock();
        }
        if (more > 0) {
            call.request(more);
        }
    }

    /// Hands a write over on the connection's thread if that blocks nobody; else another thread goes on.
    private boolean tryHandOver(Entry entry, byte[] request, WritePermit permit) {
        if (isDropped(entry, permit)) {
            return true;
        }
        boolean done = false;
        try {
            boolean isTaken = writes.tryWrite(request, session, permit, outcome -> settle(entry, result(outcome)));
            if (!isTaken) {
                executor.execute(() -> {
                    handOver(entry, request, permit);
                    takeArrived();
                });
            }
            done = true;
            return isTaken;
        } finally {
            if (!done) {
                notTaken(entry, permit);
            }
        }
    }

    private void handOver(Entry entry, byte[] request, WritePermit permit) {
        if (isDropped(entry, permit)) {
            return;
        }
        boolean done = false;
        try {
            writes.write(request, session, catalog.get(), permit, outcome -> settle(entry, result(outcome)));
            done = true;
        } finally {
            if (!done) {
                notTaken(entry, permit);
            }
        }
    }

    /// Drops a write that nobody wants any more; true if that is so.
    private boolean isDropped(Entry entry, WritePermit permit) {
        boolean isWanted;
        lock.lock();
        try {
            place = Optional.empty();
            isWanted = !isOver && !progress.isBehindFailure(entry);
        } finally {
            lock.unlock();
        }
        if (!isWanted) {
            permit.close();
            settle(entry, new Result.Dropped());
        }
        return !isWanted;
    }

    private void notTaken(Entry entry, WritePermit permit) {
        permit.close();
        settle(entry, new Result.Failed(Failure.unexpected(new IllegalStateException("a write was not taken"), true)));
    }

    private static Result result(WriteOutcome outcome) {
        return switch (outcome) {
            case WriteOutcome.Written(SequenceNumber sequence) -> new Result.Written(sequence);
            case WriteOutcome.Failure failed -> new Result.Failed(Failure.of(failed));
        };
    }

    /// Notes what became of a write; on any thread, such as the log's.
    private void settle(Entry entry, Result result) {
        Optional<Place> useless;
        lock.lock();
        try {
            progress.settle(entry, result);
            useless = place.filter(waits -> progress.isBehindFailure(waits.entry()));
        } finally {
            lock.unlock();
        }
        useless.ifPresent(this::giveUp);
        wakeSender();
    }

    private void giveUp(Place useless) {
        if (useless.waiting().cancel()) {
            lock.lock();
            try {
                place = Optional.empty();
                dropArrived(); // nobody takes them any more
            } finally {
                lock.unlock();
            }
            settle(useless.entry(), new Result.Dropped());
        }
    }

    /// Ends the stream in place of its next write: those before it go on and are acknowledged.
    void stop(Failure failure) {
        lock.lock();
        try {
            if (isHalfClosed) {
                return; // its end is near
            }
        } finally {
            lock.unlock();
        }
        failNext(failure);
    }

    private void failNext(Failure failure) {
        Entry entry;
        lock.lock();
        try {
            if (isOver || progress.isFailing()) {
                return;
            }
            entry = progress.accept();
        } finally {
            lock.unlock();
        }
        settle(entry, new Result.Failed(failure));
    }

    @Override
    public void onHalfClose() {
        lock.lock();
        try {
            isHalfClosed = true;
        } finally {
            lock.unlock();
        }
        wakeSender();
    }

    @Override
    public void onReady() {
        wakeSender();
    }

    @Override
    public void onCancel() {
        end("CANCELLED");
    }

    @Override
    public void onComplete() {
        end("COMPLETED");
    }

    private void end(String reason) {
        Optional<Place> useless;
        lock.lock();
        try {
            if (isOver) {
                return;
            }
            isOver = true;
            dropArrived();
            useless = place;
        } finally {
            lock.unlock();
        }
        useless.ifPresent(this::giveUp);
        onEnd.accept(this, reason);
    }

    private void wakeSender() {
        lock.lock();
        try {
            isNews = true;
            if (isSending || isOver || (!isAckDue() && !isFinished())) {
                return;
            }
            isSending = true;
        } finally {
            lock.unlock();
        }
        try {
            connection.execute(this::send);
        } catch (RejectedExecutionException e) {
            executor.execute(this::send); // the connection's thread has ended, and its calls are told so
        }
    }

    @GuardedBy("lock")
    private boolean isAckDue() {
        return progress.acknowledged() > sentThrough;
    }

    @GuardedBy("lock")
    private boolean isFinished() {
        return progress.isSettled() && (progress.isFailing() || (isHalfClosed && arrived.isEmpty()));
    }

    /// What the sender does next.
    private sealed interface Step {
        record Ack(WriteStreamResponse response) implements Step {}

        record Close(long acknowledgedThrough, Optional<Failure> failure) implements Step {}

        record Rest() implements Step {}
    }

    private void send() {
        try {
            while (true) {
                switch (nextStep()) {
                    case Step.Ack(WriteStreamResponse response) -> call.sendMessage(response);
                    case Step.Close(long acknowledgedThrough, Optional<Failure> failure) ->
                        close(acknowledgedThrough, failure);
                    case Step.Rest() -> {
                        return;
                    }
                }
            }
        } catch (RuntimeException e) {
            LOG.error("a write stream cannot be answered", e);
            end("INTERNAL");
        }
    }

    private Step nextStep() {
        while (true) {
            lock.lock();
            try {
                isNews = false;
            } finally {
                lock.unlock();
            }
            Optional<Step> step = nextStep(call.isReady());
            if (step.isPresent()) {
                return step.get();
            }
        }
    }

    /// Empty if there was news meanwhile, such as that the client reads again.
    private Optional<Step> nextStep(boolean isReady) {
        lock.lock();
        try {
            if (!isOver) {
                // The last ack is sent even to a client that does not read: it costs no more than the stream's end.
                if (isAckDue() && (isReady || isFinished())) {
                    sentThrough = progress.acknowledged();
                    return Optional.of(new Step.Ack(WriteStreamResponse.newBuilder()
                            .setAcknowledgedThrough(sentThrough)
                            .setSequenceNumber(progress.sequence().value())
                            .build()));
                }
                if (isFinished()) {
                    return Optional.of(new Step.Close(progress.acknowledged(), progress.failure()));
                }
                if (isNews) {
                    return Optional.empty();
                }
            }
            isSending = false;
            return Optional.of(new Step.Rest());
        } finally {
            lock.unlock();
        }
    }

    private void close(long acknowledgedThrough, Optional<Failure> failure) {
        end(failure.map(Failure::reason).orElse("COMPLETED"));
        if (failure.isEmpty()) {
            call.close(Status.OK, new Metadata());
            return;
        }
        Metadata trailers = trailers(acknowledgedThrough, failure.get());
        call.close(Statuses.of(failure.get(), trailers), trailers);
    }
}
