package io.sluice.query.flight;

import io.sluice.model.TableSchema;
import io.sluice.query.InvalidQueryException;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryRefusedException;
import io.sluice.query.QueryRequest;
import io.sluice.query.QueryRequests;
import io.sluice.query.QuerySource;
import io.sluice.query.TableNotFoundException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.Criteria;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightEndpoint;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.SchemaResult;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.vector.types.pojo.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Answers what is asked over Arrow Flight besides `DoGet`: `GetFlightInfo`, `GetSchema`, `ListFlights`. A ticket,
/// like a descriptor's command, is a `sluice.v1.QueryRequest`, as protobuf or JSON; a descriptor's path is `[namespace,
/// table]`.
final class SluiceFlightProducer extends NoOpFlightProducer {
    private static final Logger LOG = LoggerFactory.getLogger(SluiceFlightProducer.class);

    private final QueryExec queries;
    private final QuerySource source;

    SluiceFlightProducer(QueryExec queries, QuerySource source) {
        this.queries = queries;
        this.source = source;
    }

    static CallStatus status(Exception failure) {
        return switch (failure) {
            case InvalidQueryException invalid -> CallStatus.INVALID_ARGUMENT.withDescription(describe(invalid));
            case TableNotFoundException missing -> CallStatus.NOT_FOUND.withDescription(describe(missing));
            case QueryRefusedException refused ->
                (refused.refusal().isServing() ? CallStatus.RESOURCE_EXHAUSTED : CallStatus.UNAVAILABLE)
                        .withDescription(describe(refused));
            case DoGet.IdleClientException late -> CallStatus.TIMED_OUT.withDescription(describe(late));
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
        Schema schema = schema(ticket);
        return new FlightInfo(schema, descriptor, List.of(new FlightEndpoint(withDictionaries(ticket))), -1, -1);
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

    /// The stream of a ticket that was told with a schema has that schema: some clients compare them.
    private static Ticket withDictionaries(Ticket ticket) {
        try {
            return new Ticket(QueryRequests.withDictionaries(ticket.getBytes()));
        } catch (InvalidQueryException e) {
            throw status(e).toRuntimeException();
        }
    }

    private Schema schema(Ticket ticket) {
        try {
            QueryRequest request = QueryRequests.parse(ticket.getBytes());
            return queries.schema(request);
        } catch (InvalidQueryException | TableNotFoundException | QueryRefusedException | RuntimeException e) {
            throw status(e).toRuntimeException();
        }
    }
}
