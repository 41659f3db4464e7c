package io.sluice.query.flight;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.StatusRuntimeException;
import io.sluice.query.QueryAdmission;
import io.sluice.query.QueryPermit;
import io.sluice.query.QueryRefusedException;
import java.util.Optional;

/// Lets calls in that ask for schemas: when what they ask is complete, until they are over.
final class AdmittedCalls {
    private AdmittedCalls() {}

    static <Q, R> ServerCallHandler<Q, R> of(QueryAdmission admission, ServerCallHandler<Q, R> next) {
        return (call, headers) -> new Call<>(admission, call, next.startCall(call, headers));
    }

    private static final class Call<Q, R> extends SimpleForwardingServerCallListener<Q> {
        private final QueryAdmission admission;
        private final ServerCall<Q, R> call;
        private Optional<QueryPermit> permit = Optional.empty();

        Call(QueryAdmission admission, ServerCall<Q, R> call, ServerCall.Listener<Q> listener) {
            super(listener);
            this.admission = admission;
            this.call = call;
        }

        @Override
        public void onHalfClose() {
            try {
                permit = Optional.of(admission.admit());
            } catch (QueryRefusedException e) {
                Metadata trailers = new Metadata();
                StatusRuntimeException refused = RefusedCalls.status(e.refusal(), trailers);
                call.close(refused.getStatus(), trailers);
                return;
            }
            try {
                super.onHalfClose();
            } catch (Error e) {
                // Let through, it would keep gRPC from telling of the call's end.
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void onComplete() {
            try {
                super.onComplete();
            } finally {
                permit.ifPresent(QueryPermit::close);
            }
        }

        @Override
        public void onCancel() {
            try {
                super.onCancel();
            } finally {
                permit.ifPresent(QueryPermit::close);
            }
        }
    }
}
