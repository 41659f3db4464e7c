package io.sluice.ingester.grpc;

import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.sluice.ingester.door.WriteOutcome.Refused;
import java.net.SocketAddress;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/// What has come of one call's message that is not complete, and since when nothing more comes. gRPC gathers a message
/// in memory before anybody is told of it, however slowly it comes. gRPC calls it on the connection's thread; the
/// service's side may be on any.
final class Arrival extends ServerStreamTracer {
    /// Bytes that must come within the timeout of slow clients.
    static final int STEP_BYTES = 64 * 1_024;

    /// Of a message that its connection's thread reads: a few dozen rows.
    static final int SHORT_BYTES = 8 * 1_024;

    static final Context.Key<Arrival> KEY = Context.key("sluice-arrival");

    private final Arrivals arrivals;
    private final Optional<InboundWindows.Window> window;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicReference<Optional<GuardedCall<?, ?>>> call = new AtomicReference<>(Optional.empty());
    private final AtomicReference<Optional<Peer>> peer = new AtomicReference<>(Optional.empty());
    private volatile boolean isOver;
    private final AtomicBoolean refused = new AtomicBoolean();
    private volatile long maxBytes = Long.MAX_VALUE;
    /// Whether a message must come: the one of a call that has one.
    private volatile boolean isAwaited;
    /// Whether it stays here until the client says that it was the only one.
    private volatile boolean isSingle;
    private final AtomicLong steps = new AtomicLong();
    /// Why the call is refused at its headers. For the connection's thread, on which such a call begins.
    private Optional<Refused> refusedAtBegin = Optional.empty();
    private volatile Optional<ConnectionThread> thread = Optional.empty();
    /// For the connection's thread.
    private boolean isLastShort;

    /// For the connection's thread.
    private long stepBytes;
    /// For the thread that looks.
    private long seenSteps = -1;

    private long seenSinceNanos;

    /// @param window of the call's client; empty if it has none of its own
    Arrival(Arrivals arrivals, Optional<InboundWindows.Window> window) {
        this.arrivals = arrivals;
        this.window = window;
    }

    @Override
    public Context filterContext(Context context) {
        return context.withValue(KEY, this);
    }

    /// The call has begun.
    ///
    /// @param isOne whether its client sends one message, and not a stream of them
    void begin(GuardedCall<?, ?> begun, boolean isOne) {
        isSingle = isOne;
        isAwaited = isOne;
        call.set(Optional.of(begun));
        SocketAddress client = begun.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
        if (client != null) {
            Optional<Peer> of = arrivals.connections().find(client);
            of.ifPresent(Peer::callBegan);
            peer.set(of);
            if (isOver) {
                leavePeer();
            }
        }
    }

    /// The call is to be refused when it begins, which it does on this thread.
    void refuseAtBegin(Refused refusal) {
        refusedAtBegin = Optional.of(refusal);
    }

    /// Why the call is to be refused when it begins; empty if that is not decided.
    Optional<Refused> refusedAtBegin() {
        return refusedAtBegin;
    }

    /// Tells the connection's thread.
    void setThread(ConnectionThread ofConnection) {
        thread = Optional.of(ofConnection);
    }

    /// The connection's thread, if it is known.
    Optional<ConnectionThread> thread() {
        return thread;
    }

    /// Whether the message that came last can be read in microseconds: it is short and not packed. To be asked on the
    /// connection's thread.
    boolean isLastShort() {
        return isLastShort;
    }

    boolean hasBegun() {
        return call.get().isPresent();
    }

    /// Its messages may be so long from now on.
    void limit(long bytes) {
        maxBytes = bytes;
    }

    private void leavePeer() {
        peer.getAndSet(Optional.empty()).ifPresent(arrivals::callEnded);
    }

    @Override
    public void inboundWireSize(long bytes) {
        if (isOver) {
            return;
        }
        window.ifPresent(InboundWindows.Window::open); // somebody asked for the message
        if (heldBytes.addAndGet(bytes) > maxBytes && markRefused()) {
            arrivals.tooLong(this, maxBytes);
        }
        stepBytes += bytes;
        if (stepBytes >= STEP_BYTES) {
            nextStep();
        }
        arrivals.received(this, bytes);
    }

    private void nextStep() {
        stepBytes = 0;
        steps.incrementAndGet();
    }

    @Override
    public void inboundMessageRead(int number, long wireBytes, long bytes) {
        isLastShort = bytes >= 0 && bytes <= SHORT_BYTES; // negative if it is packed
        nextStep();
        if (!isSingle) {
            letGo();
        }
    }

    /// The only message is complete, and its service has it.
    void complete() {
        isAwaited = false;
        letGo();
    }

    private void letGo() {
        arrivals.release(heldBytes.getAndSet(0));
    }

    @Override
    public void streamClosed(Status status) {
        isOver = true;
        letGo();
        leavePeer();
        arrivals.ended(this);
    }

    /// For how long its client has kept the server waiting in the middle of a message; 0 if it does not. For one thread
    /// at a time.
    long waitedNanos(long nowNanos) {
        long now = steps.get();
        if (now != seenSteps
                || !(isAwaited || heldBytes.get() > 0)
                || call.get().isEmpty()) {
            seenSteps = now;
            seenSinceNanos = nowNanos;
        }
        return nowNanos - seenSinceNanos;
    }

    long heldBytes() {
        return heldBytes.get();
    }

    boolean isRefused() {
        return refused.get();
    }

    /// The call is about to be refused: what came of it makes room for others from now on. True for the first who says
    /// so.
    boolean markRefused() {
        boolean isFirst = refused.compareAndSet(false, true);
        if (isFirst) {
            letGo();
        }
        return isFirst;
    }

    /// Ends the call before its message is complete.
    ///
    /// @return whether it was still under way
    boolean refuse(Failure failure) {
        refused.set(true);
        Metadata trailers = new Metadata();
        Status status = Statuses.of(failure, trailers);
        boolean ended = call.get().isPresent() && call.get().get().end(status, trailers);
        letGo();
        return ended;
    }
}
