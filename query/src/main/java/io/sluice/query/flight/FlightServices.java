package io.sluice.query.flight;

import io.grpc.BindableService;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryGate;
import io.sluice.query.QuerySource;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadFactory;
import org.apache.arrow.flight.FlightGrpcUtils;
import org.apache.arrow.flight.auth.ServerAuthHandler;
import org.apache.arrow.memory.BufferAllocator;

/// Arrow Flight as a gRPC service, to be mounted on a server beside others.
public final class FlightServices {
    private FlightServices() {}

    /// Makes the service.
    ///
    /// @param gate where streams wait until they may begin; what tells of schemas alone does not wait
    /// @param source for the list of tables
    /// @param idle ends streams whose client does not read
    /// @param allocator of what is being sent
    /// @param executor runs Flight's own callbacks
    /// @param threads makes a thread for each stream; virtual ones are fine
    @SuppressWarnings("deprecation") // the only way in takes one; this is the one that does nothing
    public static BindableService create(
            QueryGate gate,
            QueryExec queries,
            QuerySource source,
            IdleStreams idle,
            BufferAllocator allocator,
            ExecutorService executor,
            ThreadFactory threads) {
        return FlightGrpcUtils.createFlightService(
                allocator,
                new SluiceFlightProducer(gate, queries, source, idle, allocator, threads),
                ServerAuthHandler.NO_OP,
                executor);
    }
}
