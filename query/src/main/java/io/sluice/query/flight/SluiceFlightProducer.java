package io.sluice.query.flight;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.model.TableSchema;
import io.sluice.query.InvalidQueryException;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryGate;
import io.sluice.query.QueryRefusedException;
import io.sluice.query.QueryRequest;
import io.sluice.query.QueryRequests;
import io.sluice.query.QuerySource;
import io.sluice.query.QueryStream;
import io.sluice.query.TableNotFoundException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.Criteria;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightEndpoint;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.SchemaResult;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.types.pojo.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Serves queries over Arrow Flight: `DoGet`, `GetFlightInfo`, `GetSchema`, `ListFlights`. A ticket, like a
/// descriptor's command, is a `sluice.v1.QueryRequest`, as protobuf or JSON; a descriptor's path is `[namespace,
/// table]`. Each record batch of a stream carries a `sluice.v1.BatchMetadata`.
final class SluiceFlightProducer extends NoOpFlightProducer {
    private static final Logger LOG = LoggerFactory.getLogger(SluiceFlightProducer.class);

    private final QueryGate gate;
    private final QueryExec queries;
    private final QuerySource source;
    private final IdleStreams idle;
    private final BufferAllocator allocator;
    private final ThreadFactory threads;

    SluiceFlightProducer(
            QueryGate gate,
            QueryExec queries,
            QuerySource source,
            IdleStreams idle,
            BufferAllocator allocator,
            ThreadFactory threads) {
        this.gate = gate;
        this.queries = queries;
        this.source = source;
        this.idle = idle;
        this.allocator = allocator;
        this.threads = threads;
    }

    @Override
    public void getStream(CallContext context, Ticket ticket, ServerStreamListener listener) {
        // This runs on the call's own executor, which also delivers readiness: to wait for that here would be for ever.
        Beginning beginning = new Beginning();
        IdleStreams.Client client = idle.join(listener, beginning::interrupt);
        byte[] bytes = ticket.getBytes();
        threads.newThread(() -> pump(bytes, listener, client, beginning)).start();
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

        void await(QueryGate gate, ServerStreamListener listener) throws QueryRefusedException {
            set(Optional.of(Thread.currentThread()));
            try {
                if (!listener.isCancelled()) {
                    gate.await();
                }
            } catch (InterruptedException e) {
                throw new QueryRefusedException(false, "the client waits no longer");
            } finally {
                set(Optional.empty());
                var _ = Thread.interrupted(); // from here on the listener is asked
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

    private void pump(byte[] ticket, ServerStreamListener listener, IdleStreams.Client client, Beginning beginning) {
        try {
            beginning.await(gate, listener);
            send(ticket, listener, client);
            if (!listener.isCancelled()) {
                listener.completed();
            }
        } catch (InvalidQueryException
                | TableNotFoundException
                | QueryRefusedException
                | IdleClientException
                | RuntimeException e) {
            if (!listener.isCancelled()) {
                listener.error(status(e).toRuntimeException());
            }
        }
    }

    /// Everything that the query holds is released when this returns or throws: before the client hears of the end.
    private void send(byte[] ticket, ServerStreamListener listener, IdleStreams.Client client)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException, IdleClientException {
        try (QueryStream stream = queries.execute(QueryRequests.parse(ticket))) {
            listener.start(stream.root(), stream.dictionaries(), IpcOption.DEFAULT);
            while (awaitReady(client) && stream.next()) {
                byte[] metadata = stream.metadata().toByteArray();
                ArrowBuf buffer = allocator.buffer(metadata.length);
                buffer.writeBytes(metadata);
                // Copies the batch into gRPC's memory, so that a client that does not read holds no chunk. Closes the
                // buffer.
                listener.putNext(buffer);
            }
        }
    }

    /// Waits until the client reads; false if it has gone.
    private boolean awaitReady(IdleStreams.Client client) throws IdleClientException {
        return switch (client.await()) {
            case READY -> true;
            case CANCELLED -> false;
            case IDLE ->
                throw new IdleClientException(
                        "the client did not read for %d s, which is the limit (--query-idle-timeout)"
                                .formatted(idle.timeout().toSeconds()));
        };
    }

    private static CallStatus status(Exception failure) {
        return switch (failure) {
            case InvalidQueryException invalid -> CallStatus.INVALID_ARGUMENT.withDescription(describe(invalid));
            case TableNotFoundException missing -> CallStatus.NOT_FOUND.withDescription(describe(missing));
            case QueryRefusedException refused ->
                (refused.isServing() ? CallStatus.RESOURCE_EXHAUSTED : CallStatus.UNAVAILABLE)
                        .withDescription(describe(refused) + "; try again in 1 s");
            case IdleClientException late -> CallStatus.TIMED_OUT.withDescription(describe(late));
            case OutOfMemoryException full -> {
                LOG.warn("a query found no memory: {}", describe(full));
                yield CallStatus.RESOURCE_EXHAUSTED.withDescription(
                        "the memory of queries is used up (--query-memory): ask for fewer rows or columns, or try again in 1 s");
            }
            default -> {
                String id = UUID.randomUUID().toString();
                LOG.error("query failed, error id {}", id, failure);
                yield CallStatus.INTERNAL.withDescription("internal error " + id);
            }
        };
    }

    private static String describe(Exception failure) {
        return String.valueOf(failure.getMessage());
    }

    @Override
    public FlightInfo getFlightInfo(CallContext context, FlightDescriptor descriptor) {
        Ticket ticket = ticket(descriptor);
        return new FlightInfo(schema(ticket), descriptor, List.of(new FlightEndpoint(ticket)), -1, -1);
    }

    @Override
    public SchemaResult getSchema(CallContext context, FlightDescriptor descriptor) {
        return new SchemaResult(schema(ticket(descriptor)));
    }

    /// Each table once. The criteria may name a namespace.
    @Override
    public void listFlights(CallContext context, Criteria criteria, StreamListener<FlightInfo> listener) {
        String namespace = new String(criteria.getExpression(), StandardCharsets.UTF_8);
        try {
            for (TableSchema table : source.tables()) {
                if (namespace.isEmpty() || namespace.equals(table.namespace().value())) {
                    FlightDescriptor descriptor = FlightDescriptor.path(
                            table.namespace().value(), table.table().value());
                    listener.onNext(getFlightInfo(context, descriptor));
                }
            }
            listener.onCompleted();
        } catch (RuntimeException e) {
            listener.onError(e);
        }
    }

    private static Ticket ticket(FlightDescriptor descriptor) {
        if (descriptor.isCommand()) {
            return new Ticket(descriptor.getCommand());
        }
        List<String> path = descriptor.getPath();
        if (path.size() != 2) {
            throw CallStatus.INVALID_ARGUMENT
                    .withDescription("descriptor path %s: expected [namespace, table]".formatted(path))
                    .toRuntimeException();
        }
        byte[] request = io.sluice.proto.v1.QueryRequest.newBuilder()
                .setNamespace(path.get(0))
                .setTable(path.get(1))
                .build()
                .toByteArray();
        return new Ticket(request);
    }

    private Schema schema(Ticket ticket) {
        try {
            QueryRequest request = QueryRequests.parse(ticket.getBytes());
            return queries.schema(request);
        } catch (InvalidQueryException | TableNotFoundException | QueryRefusedException | RuntimeException e) {
            throw status(e).toRuntimeException();
        }
    }

    /// The client has stopped reading.
    private static final class IdleClientException extends Exception {
        IdleClientException(String message) {
            super(message);
        }
    }
}
