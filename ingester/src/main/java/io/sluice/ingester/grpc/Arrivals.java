package io.sluice.ingester.grpc;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerStreamTracer;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.ConnectionMeters.Reason;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/// All calls from their headers to their end, and the bytes of messages that are not complete: both have a limit. For
/// one byte too many, a call whose client has stopped in the middle of its message is ended, the one that has
/// stopped for longest; if there is none, the call that the byte belongs to. Any thread may call any method.
final class Arrivals extends ServerStreamTracer.Factory implements ServerInterceptor {
    /// A client that was silent for no longer than this has not stopped.
    private static final Duration GRACE = Duration.ofSeconds(1);
    /// Of a message that is no write. Libraries read those, who count nothing.
    private static final long MAX_OTHER_BYTES = 4L << 20;

    private static final Metadata.Key<String> ENCODING =
            Metadata.Key.of("grpc-encoding", Metadata.ASCII_STRING_MARSHALLER);

    private final Connections connections;
    private final InboundWindows windows;
    private final WriteAdmission admission;
    private final int maxCalls;
    private final long maxBytes;
    private final Executor executor;
    private final LongSupplier nanoTime;
    private final Set<Arrival> calls = ConcurrentHashMap.newKeySet();
    private final AtomicLong bytes = new AtomicLong();
    private final ReentrantLock looking = new ReentrantLock();
    private final Counter tooMany;
    private final Counter noRoom;
    private final Counter slow;

    /// @param windows of the same connections
    /// @param maxCalls of all connections, from their headers to their end
    /// @param maxBytes of messages that are not complete
    /// @param executor runs short tasks
    /// @param nanoTime nanoseconds from any beginning
    Arrivals(
            Connections connections,
            InboundWindows windows,
            WriteAdmission admission,
            int maxCalls,
            long maxBytes,
            Executor executor,
            LongSupplier nanoTime,
            MeterRegistry metrics) {
        this.connections = connections;
        this.windows = windows;
        this.admission = admission;
        this.maxCalls = maxCalls;
        this.maxBytes = maxBytes;
        this.executor = executor;
        this.nanoTime = nanoTime;
        this.tooMany = refusals("calls", metrics);
        this.noRoom = refusals("room", metrics);
        this.slow = refusals("slow", metrics);
        Gauge.builder("sluice.grpc.calls", calls::size)
                .description("Calls that are open")
                .register(metrics);
        Gauge.builder("sluice.grpc.arriving", bytes, AtomicLong::get)
                .description("Bytes of gRPC messages that are not complete")
                .baseUnit("bytes")
                .register(metrics);
        Gauge.builder("sluice.grpc.arriving.limit", () -> maxBytes)
                .description("Bytes that gRPC messages that are not complete may have")
                .baseUnit("bytes")
                .register(metrics);
    }

    private static Counter refusals(String reason, MeterRegistry metrics) {
        return Counter.builder("sluice.grpc.refusals")
                .description("Calls ended before their message was complete: too many calls, no room, or a slow client")
                .tag("reason", reason)
                .register(metrics);
    }

    Connections connections() {
        return connections;
    }

    /// Bytes of messages that are not complete.
    long bytes() {
        return bytes.get();
    }

    /// Calls that are not only open: they were counted against the limit, and their clients are expected to go on.
    int begun() {
        return (int) calls.stream().filter(Arrival::hasBegun).count();
    }

    @Override
    public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
        Arrival arrival = new Arrival(this, windows.take());
        calls.add(arrival);
        return arrival;
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        int open = calls.size();
        Arrival arrival = Arrival.KEY.get();
        GuardedCall<Q, R> guarded = new GuardedCall<>(call);
        boolean isOne = call.getMethodDescriptor().getType().clientSendsOneMessage();
        arrival.begin(guarded, isOne);
        arrival.limit(isWrite(call) ? Long.MAX_VALUE : MAX_OTHER_BYTES);
        String packing = headers.get(ENCODING);
        if (packing != null && !packing.equals("identity") && !isWrite(call)) {
            var _ = arrival.refuse(Failure.packed(packing));
            return new ServerCall.Listener<>() {};
        }
        if (open > maxCalls) {
            tooMany.increment();
            var _ = arrival.refuse(Failure.refused(admission.tooManyCalls(maxCalls, open)));
            return new ServerCall.Listener<>() {};
        }
        ServerCall.Listener<Q> listener = next.startCall(guarded, headers);
        return isOne ? new Completing<>(listener, arrival) : listener;
    }

    private static boolean isWrite(ServerCall<?, ?> call) {
        return WriteServiceGrpc.SERVICE_NAME.equals(call.getMethodDescriptor().getServiceName());
    }

    private static final class Completing<Q> extends SimpleForwardingServerCallListener<Q> {
        private final Arrival arrival;

        Completing(ServerCall.Listener<Q> listener, Arrival arrival) {
            super(listener);
            this.arrival = arrival;
        }

        @Override
        public void onHalfClose() {
            arrival.complete();
            super.onHalfClose();
        }
    }

    /// A message became too long for what its service needs.
    void tooLong(Arrival arrival, long limitBytes) {
        executor.execute(() -> {
            var _ = arrival.refuse(Failure.tooLarge("the message has more than %d bytes".formatted(limitBytes)));
        });
    }

    /// More of a message came.
    void received(Arrival arrival, long more) {
        long held = bytes.addAndGet(more);
        if (held <= maxBytes || arrival.isRefused()) {
            return;
        }
        Arrival ended = longestStopped().orElse(arrival);
        if (ended.markRefused()) {
            noRoom.increment();
            // Not on this thread, which is the connection's.
            executor.execute(() -> {
                var _ = ended.refuse(Failure.refused(admission.noRoomForMessage(maxBytes, held)));
            });
        }
    }

    private Optional<Arrival> longestStopped() {
        if (!looking.tryLock()) {
            return Optional.empty();
        }
        try {
            long now = nanoTime.getAsLong();
            Optional<Arrival> longest = Optional.empty();
            long longestNanos = GRACE.toNanos();
            for (Arrival each : calls) {
                long waited = each.waitedNanos(now);
                if (waited > longestNanos && each.heldBytes() > 0 && !each.isRefused()) {
                    longest = Optional.of(each);
                    longestNanos = waited;
                }
            }
            return longest;
        } finally {
            looking.unlock();
        }
    }

    void release(long less) {
        bytes.addAndGet(-less);
    }

    void callEnded(Peer peer) {
        peer.callEnded(nanoTime.getAsLong());
    }

    void ended(Arrival arrival) {
        calls.remove(arrival);
    }

    /// Ends calls whose clients have stopped in the middle of a message. To be called several times a second.
    void check() {
        connections.check();
        looking.lock();
        try {
            long now = nanoTime.getAsLong();
            Duration timeout = connections.limits().slowTimeout();
            for (Arrival each : calls) {
                if (each.waitedNanos(now) >= timeout.toNanos() && each.markRefused()) {
                    slow.increment();
                    connections.meters().closed(Reason.SLOW);
                    var _ = each.refuse(Failure.slow(timeout));
                }
            }
        } finally {
            looking.unlock();
        }
    }
}
