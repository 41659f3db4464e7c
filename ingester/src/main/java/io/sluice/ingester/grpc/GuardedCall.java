package io.sluice.ingester.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.concurrent.locks.ReentrantLock;

/// A call that somebody else than its service may end, too. What the service says behind that is lost. Any thread may
/// call any method.
final class GuardedCall<Q, R> extends SimpleForwardingServerCall<Q, R> {
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private boolean isEnded;

    GuardedCall(ServerCall<Q, R> call) {
        super(call);
    }

    /// Ends the call in place of its service.
    ///
    /// @return whether it was not ended before
    boolean end(Status status, Metadata trailers) {
        lock.lock();
        try {
            if (isEnded) {
                return false;
            }
            isEnded = true;
            super.close(status, trailers);
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void request(int messages) {
        lock.lock();
        try {
            if (!isEnded) {
                super.request(messages);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void sendHeaders(Metadata headers) {
        lock.lock();
        try {
            if (!isEnded) {
                super.sendHeaders(headers);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void sendMessage(R message) {
        lock.lock();
        try {
            if (!isEnded) {
                super.sendMessage(message);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close(Status status, Metadata trailers) {
        var _ = end(status, trailers);
    }
}
