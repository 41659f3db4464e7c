package io.sluice.ingester.grpc;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// gRPC's side of a call, in memory and on the caller's thread: counts what is asked of it, and is ready when told.
final class FakeCall<R> extends ServerCall<InboundMessage, R> {
    final List<R> sent = new ArrayList<>();
    final Metadata trailers = new Metadata();
    int requested;
    boolean isReady = true;
    Optional<Status> closed = Optional.empty();

    @Override
    public void request(int messages) {
        requested += messages;
    }

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(R message) {
        if (closed.isPresent()) {
            throw new IllegalStateException("call is closed");
        }
        sent.add(message);
    }

    @Override
    public boolean isReady() {
        return isReady;
    }

    @Override
    public void close(Status status, Metadata end) {
        if (closed.isPresent()) {
            throw new IllegalStateException("call is closed already");
        }
        closed = Optional.of(status);
        trailers.merge(end);
    }

    @Override
    public boolean isCancelled() {
        return false;
    }

    @Override
    public MethodDescriptor<InboundMessage, R> getMethodDescriptor() {
        throw new AssertionError("nobody asks for it");
    }

    String trailer(String name) {
        return String.valueOf(trailers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER)));
    }
}
