package io.sluice.benches;

import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.sluice.proto.v1.WriteResponse;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;

/// A call for each write.
final class UnaryWriter implements GrpcWriter {
    private final ManagedChannel channel;
    private final CompletableFuture<IOException> failure = new CompletableFuture<>();

    UnaryWriter(int port) {
        channel = GrpcMethods.connect(port);
    }

    @Override
    public void write(byte[] request, Runnable acked) {
        ClientCall<byte[], WriteResponse> call = channel.newCall(GrpcMethods.WRITE, GrpcMethods.OPTIONS);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        if (status.isOk()) {
                            acked.run();
                        } else {
                            failure.complete(new IOException("a write failed", status.asException(trailers)));
                        }
                    }
                },
                new Metadata());
        call.request(2);
        call.sendMessage(request);
        call.halfClose();
    }

    @Override
    public CompletableFuture<IOException> failure() {
        return failure;
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }
}
