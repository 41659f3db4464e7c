package io.sluice.ingester.grpc;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.WriteResponse;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One `Write`. It is refused before its message is read, if no write at all would be let in; otherwise its place
/// follows from the names in the message, which is complete by then: a client that sends slowly holds no place. The
/// place is given back when the call has come to its end, with all bytes sent or its client gone, *and* the write has
/// its outcome: a client that goes away must not make room for the next one while its write keeps the catalog busy.
///
/// gRPC calls the listener's methods one after the other; the outcome may come on any thread.
final class UnaryWriteCall extends ServerCall.Listener<InboundMessage> {
    private static final Logger LOG = LoggerFactory.getLogger(UnaryWriteCall.class);

    private final ServerCall<InboundMessage, WriteResponse> call;
    private final WriteAdmission admission;
    private final WriteHandler writes;
    private Optional<InboundMessage> message = Optional.empty();
    private Optional<SharedPermit> permit = Optional.empty();
    /// Whether the call was ended for what its client sent.
    private boolean isWrong;

    private UnaryWriteCall(
            ServerCall<InboundMessage, WriteResponse> call, WriteAdmission admission, WriteHandler writes) {
        this.call = call;
        this.admission = admission;
        this.writes = writes;
    }

    /// Begins a call, unless it is refused at once.
    ///
    /// @param refusal why no write would be let in; empty if one may
    static ServerCall.Listener<InboundMessage> open(
            ServerCall<InboundMessage, WriteResponse> call,
            WriteAdmission admission,
            WriteHandler writes,
            Optional<Refused> refusal) {
        UnaryWriteCall write = new UnaryWriteCall(call, admission, writes);
        if (refusal.isPresent()) {
            write.fail(Failure.refused(refusal.get()));
            return new ServerCall.Listener<>() {};
        }
        call.request(2); // the second is there to find that a client sends more than one
        return write;
    }

    @Override
    public void onMessage(InboundMessage received) {
        if (message.isPresent()) {
            isWrong = true;
            received.close();
            close(Status.INTERNAL.withDescription("a call has more than one message: expected one"), new Metadata());
            return;
        }
        message = Optional.of(received);
    }

    @Override
    public void onHalfClose() {
        if (isWrong) {
            return;
        }
        if (message.isEmpty()) {
            close(Status.INTERNAL.withDescription("a call has no message: expected one"), new Metadata());
            return;
        }
        InboundMessage request = message.get();
        message = Optional.empty(); // so that the bytes go when the write lets go of them
        try (request) {
            enter(request);
        }
    }

    private void enter(InboundMessage request) {
        if (request.excess().isPresent()) {
            fail(Failure.tooLarge(request.excess().get()));
            return;
        }
        if (request.refused().isPresent()) {
            fail(Failure.refused(request.refused().get()));
            return;
        }
        switch (admission.admit(request.bytes())) {
            case Admission.Rejected(Refused why) -> fail(Failure.refused(why));
            case Admission.Admitted(AdmissionPermit admitted) -> write(request.bytes(), admitted);
        }
    }

    private void write(byte[] request, AdmissionPermit admitted) {
        SharedPermit held = new SharedPermit(admitted);
        permit = Optional.of(held);
        CompletionStage<WriteOutcome> outcome;
        try {
            outcome = writes.write(request, admission.catalogAccess(admitted));
        } catch (RuntimeException e) {
            held.letGo();
            fail(Failure.unexpected(e, true));
            return;
        } catch (Error e) {
            held.letGo();
            fail(Failure.unexpected(e, true)); // let through, it would keep gRPC from telling of the call's end
            return;
        }
        var _ = outcome.whenComplete((known, thrown) -> {
            try {
                answer(known, thrown);
            } finally {
                held.letGo();
            }
        });
    }

    private void answer(@Nullable WriteOutcome outcome, @Nullable Throwable thrown) {
        switch (outcome) {
            case WriteOutcome.Written(SequenceNumber sequence) -> succeed(sequence);
            case WriteOutcome.Failure failed -> fail(Failure.of(failed));
            case null ->
                fail(Failure.unexpected(thrown == null ? new IllegalStateException("no outcome") : thrown, true));
        }
    }

    private void succeed(SequenceNumber sequence) {
        if (call.isCancelled()) {
            return;
        }
        try {
            call.sendHeaders(new Metadata());
            call.sendMessage(WriteResponse.newBuilder()
                    .setSequenceNumber(sequence.value())
                    .build());
        } catch (RuntimeException e) {
            LOG.warn("a write was written, and its client cannot be told", e);
        }
        close(Status.OK, new Metadata());
    }

    private void fail(Failure failure) {
        Metadata trailers = new Metadata();
        close(Statuses.of(failure, trailers), trailers);
    }

    private void close(Status status, Metadata trailers) {
        if (call.isCancelled()) {
            return;
        }
        try {
            call.close(status, trailers);
        } catch (RuntimeException e) {
            LOG.warn("a write's call cannot be closed", e);
        }
    }

    @Override
    public void onComplete() {
        message.ifPresent(InboundMessage::close);
        permit.ifPresent(SharedPermit::letGo);
    }

    @Override
    public void onCancel() {
        message.ifPresent(InboundMessage::close);
        permit.ifPresent(SharedPermit::letGo);
    }
}
