package io.sluice.benches;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.sluice.proto.v1.WriteStreamResponse;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/// One stream for all writes.
final class StreamWriter implements GrpcWriter {
    private final ManagedChannel channel;
    private final ClientCall<byte[], WriteStreamResponse> call;
    private final CompletableFuture<IOException> failure = new CompletableFuture<>();
    private final ReentrantLock lock = new ReentrantLock();

    /// Those that wait for an ack, in the order of their writes.
    @GuardedBy("lock")
    private final Queue<Runnable> waiting = new ArrayDeque<>();

    @GuardedBy("lock")
    private long sent;

    @GuardedBy("lock")
    private long acknowledged;

    StreamWriter(int port) {
        channel = GrpcMethods.connect(port);
        call = channel.newCall(GrpcMethods.WRITE_STREAM, GrpcMethods.OPTIONS);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(WriteStreamResponse ack) {
                        acknowledgedThrough(ack.getAcknowledgedThrough()).forEach(Runnable::run);
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        failure.complete(new IOException("the stream ended", status.asException(trailers)));
                    }
                },
                new Metadata());
        call.request(Integer.MAX_VALUE);
    }

    @Override
    public void write(byte[] request, Runnable acked) {
        lock.lock();
        try {
            waiting.add(acked);
            call.sendMessage(GrpcMethods.streamed(++sent, request));
        } finally {
            lock.unlock();
        }
    }

    private List<Runnable> acknowledgedThrough(long clientSequence) {
        List<Runnable> acked = new ArrayList<>();
        lock.lock();
        try {
            for (; acknowledged < clientSequence; acknowledged++) {
                acked.add(waiting.remove());
            }
        } finally {
            lock.unlock();
        }
        return acked;
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
