package io.sluice.ingester.grpc;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.EventExecutor;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.util.Optional;
import java.util.concurrent.Executor;

/// Where calls run: on the executor, but for a write that is refused at its headers. That one stays on its connection's
/// thread to its end: to change threads, there and back, would be two fifths of what a refusal costs. gRPC asks on that
/// thread, which is why the server's own executor has to be the direct one.
///
/// Short messages of a stream of writes are read on its connection's thread, too, one behind the other as they come
/// from
/// the network, and its acks are sent there: each change of threads costs more than to read a few rows.
final class CallThreads implements ServerCallExecutorSupplier {
    private static final String WRITE = WriteServiceGrpc.getWriteMethod().getFullMethodName();
    private static final String WRITE_STREAM =
            WriteServiceGrpc.getWriteStreamMethod().getFullMethodName();

    private final WriteAdmission admission;
    private final Executor executor;
    private final EventLoopGroup loops;

    /// @param executor runs the calls
    /// @param loops the connections' threads
    CallThreads(WriteAdmission admission, Executor executor, EventLoopGroup loops) {
        this.admission = admission;
        this.executor = executor;
        this.loops = loops;
    }

    @Override
    public <Q, R> Executor getExecutor(ServerCall<Q, R> call, Metadata headers) {
        String method = call.getMethodDescriptor().getFullMethodName();
        if (method.equals(WRITE_STREAM)) {
            return ofStream(Arrival.KEY.get());
        }
        if (!method.equals(WRITE)) {
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

    private Executor ofStream(Arrival arrival) {
        Optional<ConnectionThread> current = currentThread();
        if (current.isEmpty()) {
            return executor;
        }
        ConnectionThread thread = current.get();
        arrival.setThread(thread);
        return task -> {
            if (thread.isCurrent() && arrival.isLastShort()) {
                task.run();
            } else {
                executor.execute(task);
            }
        };
    }

    private Optional<ConnectionThread> currentThread() {
        for (EventExecutor loop : loops) {
            if (loop.inEventLoop()) {
                return Optional.of(ConnectionThread.of(loop));
            }
        }
        return Optional.empty();
    }
}
