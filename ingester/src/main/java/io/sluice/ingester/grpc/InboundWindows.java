package io.sluice.ingester.grpc;

import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiator.ProtocolNegotiator;
import io.grpc.netty.InternalProtocolNegotiators;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerAdapter;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2LocalFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.codec.http2.Http2Stream.State;
import io.netty.util.AsciiString;
import io.netty.util.concurrent.FastThreadLocal;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How much of a message a client may send before the server has asked for it (HTTP/2's windows): little, so that a
/// call which is refused at its headers costs next to nothing, however long its message is. From when the call is let
/// in, it is as much as a client sends in one go.
///
/// A client whose call ended before its message did is told to stop (RST_STREAM without an error, RFC 9113, 8.1): gRPC
/// does not, and the client would wait for ever for room to send the rest, with the stream open on both sides.
///
/// gRPC has one window for all calls, and does not tell which stream of HTTP/2 a call is. So this looks at streams as
/// they begin, on the connection's thread: a call's tracer is made there right behind.
final class InboundWindows implements ProtocolNegotiator {
    /// Before a call is let in: what a client hands to its system at once. With HTTP/2's usual 64 KiB it was
    /// still sending while the server read, and both waited for the socket: a quarter of what a refusal cost.
    /// A write that is longer waits once for more room, as any long one did.
    static final int FIRST_BYTES = 16 * 1_024;
    /// Of a call that was let in. What a client has sent and nobody has asked for is at most so much.
    private static final int ADMITTED_BYTES = 1 << 20;
    /// Of all calls of a connection together. Given back as the bytes arrive, so it bounds what is on its way.
    private static final int CONNECTION_BYTES = 8 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(InboundWindows.class);

    private final ProtocolNegotiator plaintext = InternalProtocolNegotiators.serverPlaintext();
    /// The stream that began last on a connection's thread, until its call takes it.
    private final FastThreadLocal<Optional<Window>> begun = new FastThreadLocal<>() {
        @Override
        protected Optional<Window> initialValue() {
            return Optional.empty();
        }
    };

    /// The window of one call's client. For the connection's thread.
    static final class Window {
        private final Http2LocalFlowController flow;
        private final Http2Stream stream;
        private boolean isOpen;

        private Window(Http2LocalFlowController flow, Http2Stream stream) {
            this.flow = flow;
            this.stream = stream;
        }

        /// The call was let in, and its client may send on. Does nothing the second time.
        void open() {
            if (!isOpen) {
                isOpen = true;
                grow(flow, stream, ADMITTED_BYTES);
            }
        }
    }

    private static void grow(Http2LocalFlowController flow, Http2Stream stream, int bytes) {
        try {
            int more = bytes - flow.initialWindowSize(stream);
            if (more > 0) {
                flow.incrementWindowSize(stream, more);
            }
        } catch (Http2Exception e) {
            LOG.warn("the window of a stream stays as small as it was", e);
        }
    }

    /// The window of the call that begins on this thread; empty if that is no connection's.
    Optional<Window> take() {
        Optional<Window> window = begun.get();
        begun.remove();
        return window;
    }

    @Override
    public AsciiString scheme() {
        return plaintext.scheme();
    }

    @Override
    public ChannelHandler newHandler(GrpcHttp2ConnectionHandler handler) {
        return new ChannelHandlerAdapter() {
            @Override
            public void handlerAdded(ChannelHandlerContext context) {
                handler.connection().addListener(new Streams(handler, context.channel()));
                context.pipeline().replace(this, null, plaintext.newHandler(handler));
            }
        };
    }

    @Override
    public void close() {
        plaintext.close();
    }

    private final class Streams extends Http2ConnectionAdapter {
        private final GrpcHttp2ConnectionHandler handler;
        private final Channel channel;
        private boolean isGrown;

        Streams(GrpcHttp2ConnectionHandler handler, Channel channel) {
            this.handler = handler;
            this.channel = channel;
        }

        @Override
        public void onStreamActive(Http2Stream stream) {
            Http2Connection connection = handler.connection();
            Http2LocalFlowController flow = connection.local().flowController();
            if (!isGrown) {
                isGrown = true;
                grow(flow, connection.connectionStream(), CONNECTION_BYTES);
            }
            begun.set(Optional.of(new Window(flow, stream)));
        }

        @Override
        public void onStreamHalfClosed(Http2Stream stream) {
            if (stream.state() == State.HALF_CLOSED_LOCAL) {
                stop(stream);
            }
        }

        /// Is sent together with the call's end, which was written right before.
        private void stop(Http2Stream stream) {
            ChannelHandlerContext context = channel.pipeline().context(handler);
            if (context != null) {
                var _ = handler.resetStream(context, stream.id(), Http2Error.NO_ERROR.code(), context.newPromise());
            }
        }
    }
}
