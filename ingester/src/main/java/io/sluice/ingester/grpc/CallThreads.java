package io.sluice.ingester.grpc;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.util.Optional;
import java.util.concurrent.Executor;

/// Where calls run: on the executor, but for a write that is refused at its headers. That one stays on its connection's
/// thread to its end: to change threads, there and back, would be two fifths of what a refusal costs. gRPC asks on that
/// thread, which is why the server's own executor has to be the direct one.
final class CallThreads implements ServerCallExecutorSupplier {
    private final WriteAdmission admission;
    private final Executor executor;

    /// @param executor runs the calls
    CallThreads(WriteAdmission admission, Executor executor) {
        this.admission = admission;
        this.executor = executor;
    }

    @Override
    public <Q, R> Executor getExecutor(ServerCall<Q, R> call, Metadata headers) {
        if (!call.getMethodDescriptor()
                .getFullMethodName()
                .equals(WriteServiceGrpc.getWriteMethod().getFullMethodName())) {
            return executor;
        }
        Optional<Refused> refusal = admission.refusal();
        if (refusal.isEmpty()) {
            return executor;
        }
        // Noted, as it may be over when the call begins: then what runs there would block.
        Arrival.KEY.get().refuseAtBegin(refusal.get());
        return Runnable::run;
    }
}
