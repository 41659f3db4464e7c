package io.sluice.query.flight;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.stub.ServerCalls;
import io.sluice.query.QueryAdmission;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryGate;
import io.sluice.query.QuerySource;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadFactory;
import org.apache.arrow.flight.FlightGrpcUtils;
import org.apache.arrow.flight.auth.ServerAuthHandler;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.flight.impl.Flight.Ticket;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.apache.arrow.memory.BufferAllocator;

/// Arrow Flight as a gRPC service, to be mounted on a server beside others.
public final class FlightServices {
    private static final Set<String> ASKS_FOR_SCHEMAS = Set.of(
            FlightServiceGrpc.getGetFlightInfoMethod().getFullMethodName(),
            FlightServiceGrpc.getGetSchemaMethod().getFullMethodName(),
            FlightServiceGrpc.getListFlightsMethod().getFullMethodName());

    private FlightServices() {}

    /// Makes the service.
    ///
    /// @param gate where streams wait until they may begin; what tells of schemas alone does not wait
    /// @param admission lets queries in, and calls that ask for schemas
    /// @param source for the list of tables
    /// @param idle ends streams whose client does not read
    /// @param allocator of what is being sent
    /// @param executor runs Flight's own callbacks
    /// @param threads makes a thread for each stream; virtual ones are fine
    @SuppressWarnings("deprecation") // the only way in takes one; this is the one that does nothing
    public static BindableService create(
            QueryGate gate,
            QueryAdmission admission,
            QueryExec queries,
            QuerySource source,
            IdleStreams idle,
            BufferAllocator allocator,
            ExecutorService executor,
            ThreadFactory threads) {
        ServerServiceDefinition flight = FlightGrpcUtils.createFlightService(
                        allocator, new SluiceFlightProducer(queries, source), ServerAuthHandler.NO_OP, executor)
                .bindService();
        DoGet doGet = new DoGet(gate, admission, queries, idle, allocator, threads);
        return () -> withDoGet(flight, doGet, admission);
    }

    /// Flight's own service, but for the one method whose messages are many and large.
    private static ServerServiceDefinition withDoGet(
            ServerServiceDefinition flight, DoGet doGet, QueryAdmission admission) {
        MethodDescriptor<Ticket, FlightData> plain = FlightServiceGrpc.getDoGetMethod();
        MethodDescriptor<Ticket, Frame> ours = plain.toBuilder(plain.getRequestMarshaller(), new FrameMarshaller())
                .build();
        List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
        ServiceDescriptor.Builder descriptor = ServiceDescriptor.newBuilder(
                        flight.getServiceDescriptor().getName())
                .setSchemaDescriptor(flight.getServiceDescriptor().getSchemaDescriptor());
        for (ServerMethodDefinition<?, ?> method : flight.getMethods()) {
            String name = method.getMethodDescriptor().getFullMethodName();
            if (name.equals(plain.getFullMethodName())) {
                methods.add(ServerMethodDefinition.create(ours, ServerCalls.asyncServerStreamingCall(doGet)));
            } else {
                methods.add(ASKS_FOR_SCHEMAS.contains(name) ? admitted(method, admission) : method);
            }
            descriptor.addMethod(methods.getLast().getMethodDescriptor());
        }
        ServerServiceDefinition.Builder service = ServerServiceDefinition.builder(descriptor.build());
        methods.forEach(service::addMethod);
        return service.build();
    }

    private static <Q, R> ServerMethodDefinition<Q, R> admitted(
            ServerMethodDefinition<Q, R> method, QueryAdmission admission) {
        return method.withServerCallHandler(AdmittedCalls.of(admission, method.getServerCallHandler()));
    }

    /// Hands frames to gRPC.
    private static final class FrameMarshaller implements MethodDescriptor.Marshaller<Frame> {
        @Override
        public InputStream stream(Frame frame) {
            return frame.stream();
        }

        @Override
        public Frame parse(InputStream stream) {
            throw new IllegalStateException("a server does not read what it answers");
        }
    }
}
