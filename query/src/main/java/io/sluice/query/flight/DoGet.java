package io.sluice.query.flight;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.Metadata;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.context.Context;
import io.sluice.query.InvalidQueryException;
import io.sluice.query.QueryAdmission;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryGate;
import io.sluice.query.QueryPermit;
import io.sluice.query.QueryRefusal;
import io.sluice.query.QueryRefusedException;
import io.sluice.query.QueryRequests;
import io.sluice.query.QueryStream;
import io.sluice.query.TableNotFoundException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.arrow.flight.grpc.StatusUtils;
import org.apache.arrow.flight.impl.Flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.VarCharVector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Answers `DoGet`: a stream of schema, dictionaries and batches, each batch with a `sluice.v1.BatchMetadata`. A
/// thread for each stream makes a batch when the client has room for it.
///
/// Batches are not copied: the transport writes them from the memory of chunks. So a stream holds chunks until its
/// client has read what was sent. That there are those of one partition at most, a stream waits for before it looks at
/// the next one; and what a client leaves unread for the idle timeout is copied, and the chunks are let go of.
final class DoGet implements ServerCalls.ServerStreamingMethod<Ticket, Frame> {
    /// While more than this waits to be written, no batch is made: one is written while the next is made.
    private static final int READY_BYTES = 1 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(DoGet.class);
    private static final String NO_MEMORY =
            "the memory of queries is used up (--query-memory): ask for fewer rows or columns, or try again later";

    private final QueryGate gate;
    private final QueryAdmission admission;
    private final QueryExec queries;
    private final IdleStreams idle;
    private final BufferAllocator allocator;
    private final ThreadFactory threads;

    /// @param gate where streams wait until they may begin
    /// @param admission lets queries in that may begin
    /// @param allocator of what is sent and stands in no chunk
    /// @param threads makes a thread for each stream
    DoGet(
            QueryGate gate,
            QueryAdmission admission,
            QueryExec queries,
            IdleStreams idle,
            BufferAllocator allocator,
            ThreadFactory threads) {
        this.gate = gate;
        this.admission = admission;
        this.queries = queries;
        this.idle = idle;
        this.allocator = allocator;
        this.threads = threads;
    }

    @Override
    public void invoke(Ticket ticket, StreamObserver<Frame> observer) {
        ServerCallStreamObserver<Frame> out = (ServerCallStreamObserver<Frame>) observer;
        // This runs on the call's own executor, which also delivers readiness: to wait for that here would be for ever.
        Call call = new Call(ticket.getTicket().toByteArray(), out);
        out.setOnReadyThreshold(READY_BYTES);
        out.setOnReadyHandler(call.client::wake);
        out.setOnCancelHandler(call::gone);
        out.setOnCloseHandler(call.place::letGo);
        // In the caller's context, of which traces tell.
        threads.newThread(Context.current().wrap(call::run)).start();
    }

    /// The client has stopped reading.
    static final class IdleClientException extends Exception {
        IdleClientException(String message) {
            super(message);
        }
    }

    /// One stream.
    private final class Call implements IdleStreams.Reader {
        private final byte[] ticket;
        private final ServerCallStreamObserver<Frame> out;
        private final IdleStreams.Client client;
        private final Beginning beginning = new Beginning();
        private final Place place = new Place();
        /// Buffers that were sent, the oldest first, until they are found to be written. For the stream's thread.
        private final Deque<FrameBuffer> sent = new ArrayDeque<>();
        /// How many of them still need their memory.
        private final AtomicInteger unread = new AtomicInteger();

        Call(byte[] ticket, ServerCallStreamObserver<Frame> out) {
            this.ticket = ticket;
            this.out = out;
            this.client = idle.join(this);
        }

        @Override
        public boolean isReady() {
            return out.isReady();
        }

        @Override
        public boolean isCancelled() {
            return out.isCancelled();
        }

        @Override
        public boolean hasReadAll() {
            return unread.get() == 0;
        }

        private void read() {
            if (unread.decrementAndGet() == 0) {
                client.wake();
            }
        }

        void gone() {
            beginning.interrupt();
            client.wake();
            place.letGo();
        }

        void run() {
            try {
                answer();
            } finally {
                place.letGo();
            }
        }

        private void answer() {
            try {
                beginning.await(gate, out);
                stream(place.hold(admission.admit()));
                if (!out.isCancelled()) {
                    out.onCompleted();
                }
            } catch (QueryRefusedException e) {
                if (!out.isCancelled()) {
                    out.onError(RefusedCalls.status(e.refusal(), new Metadata()));
                }
            } catch (OutOfMemoryException e) {
                LOG.warn("a query found no memory: {}", e.getMessage());
                if (!out.isCancelled()) {
                    out.onError(RefusedCalls.status(admission.refuse("QUERY_MEMORY", NO_MEMORY), new Metadata()));
                }
            } catch (InvalidQueryException | TableNotFoundException | IdleClientException | RuntimeException e) {
                fail(e);
            } catch (Error e) {
                fail(new IllegalStateException(e)); // else nobody would end the stream
            }
        }

        private void fail(Exception cause) {
            if (!out.isCancelled()) {
                out.onError(StatusUtils.toGrpcStatus(SluiceFlightProducer.status(cause))
                        .asRuntimeException());
            }
        }

        /// Everything that the query holds is released when this returns or throws: before the client hears of the end.
        private void stream(QueryPermit permit)
                throws InvalidQueryException, TableNotFoundException, QueryRefusedException, IdleClientException {
            try (QueryStream stream = queries.execute(QueryRequests.parse(ticket))) {
                try {
                    send(FrameEncoder.schema(stream.schema()));
                    for (long id : stream.dictionaries().getDictionaryIds()) {
                        VarCharVector values =
                                (VarCharVector) stream.dictionaries().lookup(id).getVector();
                        send(FrameEncoder.dictionary(id, values, allocator, this::read));
                    }
                    while (awaitRoom(stream, permit) && stream.next()) {
                        permit.sends();
                        send(FrameEncoder.rows(
                                stream.takeBatch(), stream.metadata().toByteArray(), allocator, this::read));
                    }
                } finally {
                    letGo();
                }
            }
        }

        private void send(Frame frame) {
            switch (frame) {
                case Frame.Copied _ -> out.onNext(frame);
                case Frame.Referred(FrameBuffer buffer) -> {
                    unread.incrementAndGet();
                    while (!sent.isEmpty() && sent.peekFirst().refCnt() == 0) {
                        sent.removeFirst();
                    }
                    sent.addLast(buffer);
                    try {
                        out.onNext(frame);
                    } finally {
                        buffer.release(); // the transport holds it on its own
                    }
                }
            }
        }

        /// Waits until the client takes another batch; false if it has gone.
        private boolean awaitRoom(QueryStream stream, QueryPermit permit) throws IdleClientException {
            if (!out.isReady() || (stream.opensPartition() && !hasReadAll())) {
                permit.waits();
            }
            boolean goesOn = goesOn(client.await());
            return (goesOn && stream.opensPartition()) ? goesOn(client.awaitAll()) : goesOn;
        }

        private boolean goesOn(IdleStreams.Outcome outcome) throws IdleClientException {
            return switch (outcome) {
                case READY -> true;
                case CANCELLED -> false;
                case IDLE ->
                    throw new IdleClientException(
                            "the client did not read for %d s, which is the limit (--query-idle-timeout)"
                                    .formatted(idle.timeout().toSeconds()));
            };
        }

        /// Waits until the client has read everything; what it leaves unread is copied.
        private void letGo() {
            if (!hasReadAll() && client.awaitAll() == IdleStreams.Outcome.IDLE) {
                sent.forEach(FrameBuffer::detach);
            }
        }
    }

    /// A query's place among those that are let in, until its stream has ended and its thread, too: a client that goes
    /// away must not make room for the next one while its query is still at work.
    private static final class Place {
        private final AtomicInteger holders = new AtomicInteger(2);
        private volatile Optional<QueryPermit> permit = Optional.empty();

        /// For the thread, which has not let go.
        QueryPermit hold(QueryPermit admitted) {
            permit = Optional.of(admitted);
            return admitted;
        }

        /// To be called by the thread and by what hears of the stream's end, by each once.
        void letGo() {
            if (holders.decrementAndGet() == 0) {
                permit.ifPresent(QueryPermit::close);
            }
        }
    }

    /// A query that waits until it may begin: if its client goes, or has no time left, it waits no longer.
    private static final class Beginning {
        private final ReentrantLock lock = new ReentrantLock();

        @GuardedBy("lock")
        private Optional<Thread> waiting = Optional.empty();

        void interrupt() {
            lock.lock();
            try {
                waiting.ifPresent(Thread::interrupt);
            } finally {
                lock.unlock();
            }
        }

        void await(QueryGate gate, ServerCallStreamObserver<Frame> client) throws QueryRefusedException {
            set(Optional.of(Thread.currentThread()));
            try {
                if (!client.isCancelled()) {
                    gate.await();
                }
            } catch (InterruptedException e) {
                throw new QueryRefusedException(
                        new QueryRefusal("CANCELLED", false, "the client waits no longer", Duration.ZERO, Map.of()));
            } finally {
                set(Optional.empty());
                var _ = Thread.interrupted(); // from here on the client is asked
            }
        }

        private void set(Optional<Thread> thread) {
            lock.lock();
            try {
                waiting = thread;
            } finally {
                lock.unlock();
            }
        }
    }
}
