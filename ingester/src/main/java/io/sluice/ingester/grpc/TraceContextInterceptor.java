package io.sluice.ingester.grpc;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import org.jspecify.annotations.Nullable;

/// Makes the trace that a client's headers tell of (W3C's `traceparent`) the context in which its call is handled.
public final class TraceContextInterceptor implements ServerInterceptor {
    private final TextMapPropagator propagator;

    public TraceContextInterceptor(TextMapPropagator propagator) {
        this.propagator = propagator;
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        Context context = propagator.extract(Context.root(), headers, new Headers());
        if (context.equals(Context.root())) {
            return next.startCall(call, headers);
        }
        try (Scope _ = context.makeCurrent()) {
            return new InContext<>(context, next.startCall(call, headers));
        }
    }

    /// What comes of the client's is handled in the context, too.
    private static final class InContext<Q> extends SimpleForwardingServerCallListener<Q> {
        private final Context context;

        InContext(Context context, ServerCall.Listener<Q> listener) {
            super(listener);
            this.context = context;
        }

        @Override
        public void onMessage(Q message) {
            try (Scope _ = context.makeCurrent()) {
                super.onMessage(message);
            }
        }

        @Override
        public void onHalfClose() {
            try (Scope _ = context.makeCurrent()) {
                super.onHalfClose();
            }
        }
    }

    private static final class Headers implements TextMapGetter<Metadata> {
        @Override
        public Iterable<String> keys(Metadata headers) {
            return headers.keys();
        }

        @Override
        public @Nullable String get(@Nullable Metadata headers, String key) {
            return headers == null ? null : headers.get(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER));
        }
    }
}
