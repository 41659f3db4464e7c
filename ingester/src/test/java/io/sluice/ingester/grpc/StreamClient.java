package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// A client of one stream, which reads acks when it is told to.
final class StreamClient {
    private final ClientCall<WriteStreamRequest, WriteStreamResponse> call;
    private final List<WriteStreamResponse> acks = new ArrayList<>();
    private final CompletableFuture<End> end = new CompletableFuture<>();

    record End(Status status, Metadata trailers) {
        String trailer(String name) {
            return String.valueOf(trailers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER)));
        }
    }

    /// Reads no ack yet.
    StreamClient(ManagedChannel channel) {
        this(channel, CallOptions.DEFAULT);
    }

    /// The same; messages may be packed.
    StreamClient(ManagedChannel channel, CallOptions options) {
        call = channel.newCall(WriteServiceGrpc.getWriteStreamMethod(), options);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(WriteStreamResponse ack) {
                        note(ack);
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        noteEnd(new End(status, trailers));
                    }
                },
                new Metadata());
    }

    /// Reads all acks from now on.
    StreamClient read() {
        call.request(Integer.MAX_VALUE);
        return this;
    }

    private synchronized void note(WriteStreamResponse ack) {
        acks.add(ack);
        notifyAll();
    }

    private synchronized void noteEnd(End how) {
        end.complete(how);
        notifyAll();
    }

    /// Packs the message if the call's options say how.
    StreamClient send(long clientSequence, WriteRequest write) {
        call.setMessageCompression(true);
        call.sendMessage(WriteStreamRequest.newBuilder()
                .setClientSequence(clientSequence)
                .setWrite(write)
                .build());
        return this;
    }

    StreamClient halfClose() {
        call.halfClose();
        return this;
    }

    void cancel() {
        call.cancel("the client is gone", null);
    }

    synchronized List<WriteStreamResponse> acks() {
        return List.copyOf(acks);
    }

    /// Returns once all writes up to this one are acknowledged; fails if the stream ends before.
    synchronized void awaitAck(long through) throws InterruptedException {
        while (acks.isEmpty() || acks.getLast().getAcknowledgedThrough() < through) {
            assertThat(end.isDone())
                    .as(() -> "ended before the ack of %d: %s".formatted(through, end))
                    .isFalse();
            wait();
        }
    }

    End end() throws Exception {
        return end.get(1, TimeUnit.MINUTES);
    }
}
