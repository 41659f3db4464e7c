package io.sluice.ingester.grpc;

import io.grpc.stub.StreamObserver;
import io.sluice.ingester.door.StatusSource;
import io.sluice.proto.v1.StatusRequest;
import io.sluice.proto.v1.StatusResponse;
import io.sluice.proto.v1.StatusServiceGrpc;

/// `sluice.v1.StatusService`.
final class StatusServiceDoor extends StatusServiceGrpc.StatusServiceImplBase {
    private final StatusSource source;

    StatusServiceDoor(StatusSource source) {
        this.source = source;
    }

    @Override
    public void status(StatusRequest request, StreamObserver<StatusResponse> reply) {
        reply.onNext(StatusResponse.newBuilder().setJson(source.json()).build());
        reply.onCompleted();
    }
}
