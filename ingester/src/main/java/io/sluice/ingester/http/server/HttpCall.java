package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Blocker;

/// One request, and the way to answer it. For the thread that serves it.
public final class HttpCall {
    private static final int NO_CONTENT = 204;
    /// How much of a body that was not wanted is read behind the answer: a client that is still sending does not see
    /// the answer if its connection breaks.
    private static final long MAX_DRAIN_BYTES = 16L << 20;

    /// Before the first look at what has come of it, and after each that found nothing. A client's writes come by and
    /// by, and to be woken for each costs more than to read them; so they gather in the system's buffers, and when
    /// those are full the client waits, who must not come back sooner than in a second anyway.
    private static final Duration DRAIN_PAUSE = Duration.ofMillis(2);
    /// Looks that found nothing; then the client is slow, and the thread waits until something comes.
    private static final int MAX_EMPTY_LOOKS = 4;

    private final Request request;
    private final Response response;
    private final OpenConnection connection;
    private final Pause pause;
    private final Body body;
    private boolean isAnswered;
    private boolean isLast;

    HttpCall(Request request, Response response, OpenConnection connection, Pause pause) {
        this.request = request;
        this.response = response;
        this.connection = connection;
        this.pause = pause;
        this.body = new Body(Content.Source.asInputStream(request));
    }

    /// As in the request: `POST`.
    public String method() {
        return request.getMethod();
    }

    /// Of the target, decoded.
    public String path() {
        return String.valueOf(request.getHttpURI().getDecodedPath());
    }

    /// Of the target, behind the question mark, as it was sent.
    public String rawQuery() {
        return Optional.ofNullable(request.getHttpURI().getQuery()).orElse("");
    }

    /// A header's value; several are joined by commas.
    public Optional<String> header(String name) {
        List<String> values = request.getHeaders().getValuesList(name);
        return values.isEmpty() ? Optional.empty() : Optional.of(String.join(", ", values));
    }

    /// How long the body says that it is; empty if it does not.
    public Optional<Long> announcedBytes() {
        if (request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING)) {
            return Optional.empty();
        }
        return Optional.of(Math.max(0, request.getLength()));
    }

    /// Who asks.
    public InetSocketAddress client() {
        return connection.client();
    }

    /// The body. What is not read of it is passed over when the request was answered. Throws [SlowClientException] if
    /// it does not come fast enough.
    public InputStream body() {
        return body;
    }

    /// Sends the answer; returns when the system has taken all of it. Once.
    ///
    /// @throws IOException if the client does not take it
    public void answer(HttpAnswer answer) throws IOException {
        if (isAnswered) {
            throw new IllegalStateException("the request is answered already");
        }
        isAnswered = true;
        isLast = answer.isLast()
                || connection.isEnding()
                || !request.getConnectionMetaData().isPersistent();
        response.setStatus(answer.status());
        answer.headers().forEach((name, value) -> response.getHeaders().put(name, value));
        if (isLast) {
            response.getHeaders().put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE.asString());
        }
        byte[] bytes = answer.body();
        if (answer.status() != NO_CONTENT) {
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.length);
        }
        connection.patience().begin(Phase.ANSWER);
        int sent = 0;
        do {
            int next = Math.min(Patience.STEP_BYTES, bytes.length - sent);
            Content.Sink.write(response, sent + next == bytes.length, ByteBuffer.wrap(bytes, sent, next));
            connection.patience().moved(next);
            sent += next;
        } while (sent < bytes.length);
    }

    boolean isAnswered() {
        return isAnswered;
    }

    /// Reads what is left of the body, within limits; whether there may be another request behind this one.
    boolean drain() throws IOException {
        if (body.isWaitedFor) {
            // Who was not told to send it may send it or not; Jetty closes behind such an answer.
            return false;
        }
        if (!body.isRead) {
            connection.patience().begin(isLast ? Phase.END : Phase.BODY);
            connection.beginDrain();
            try {
                body.pass();
            } finally {
                connection.endDrain();
            }
        }
        return body.isRead && !isLast;
    }

    private final class Body extends InputStream {
        private final InputStream bytes;
        /// Whether the client waits until it is told to send it, which Jetty does when it is read.
        private boolean isWaitedFor =
                request.getHeaders().contains(HttpHeader.EXPECT, HttpHeaderValue.CONTINUE.asString());
        private boolean isRead = announcedBytes().filter(length -> length == 0).isPresent();

        Body(InputStream bytes) {
            this.bytes = bytes;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int from, int length) throws IOException {
            if (isRead) {
                return -1;
            }
            isWaitedFor = false;
            Patience patience = connection.patience();
            if (patience.state().phase() == Phase.WORK) {
                patience.begin(Phase.BODY);
            }
            int read = receive(into, from, length);
            if (read < 0) {
                isRead = true;
                if (!isAnswered) {
                    patience.begin(Phase.WORK);
                }
            } else if (patience.state().phase() == Phase.BODY) {
                patience.moved(read);
            }
            return read;
        }

        /// Passes over what was not read, within the limit: nothing of it is copied. What was read last is held until
        /// there is more, or Jetty would read into the same small buffer to the end.
        void pass() throws IOException {
            while (bytes.available() > 0) {
                bytes.skipNBytes(bytes.available()); // came with what was read
            }
            long passed = 0;
            int emptyLooks = 0;
            Content.Chunk held = Content.Chunk.EMPTY;
            try {
                awaitMore(emptyLooks);
                while (!isRead && passed < MAX_DRAIN_BYTES) {
                    Content.Chunk chunk = request.read();
                    held.release();
                    held = Content.Chunk.EMPTY;
                    if (chunk == null) {
                        awaitMore(emptyLooks++);
                    } else if (Content.Chunk.isFailure(chunk)) {
                        throw failure(chunk.getFailure());
                    } else {
                        held = chunk;
                        int length = chunk.remaining();
                        isRead = chunk.isLast();
                        passed += length;
                        emptyLooks = length > 0 ? 0 : emptyLooks;
                        if (connection.patience().state().phase() == Phase.BODY) {
                            connection.patience().moved(length);
                        }
                    }
                }
            } finally {
                held.release();
            }
        }

        private void awaitMore(int emptyLooks) throws IOException {
            try {
                if (emptyLooks < MAX_EMPTY_LOOKS) {
                    pause.await(DRAIN_PAUSE);
                    return;
                }
                try (Blocker.Runnable more = Blocker.runnable()) {
                    request.demand(more);
                    more.block();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("the server stops", e);
            }
        }

        private int receive(byte[] into, int from, int length) throws IOException {
            try {
                return bytes.read(into, from, length);
            } catch (IOException | RuntimeException e) {
                throw failure(e);
            }
        }

        private IOException failure(Throwable cause) {
            if (connection.patience().isExhausted()) {
                return new SlowClientException();
            }
            // Jetty throws what a body's framing lacks unchecked.
            return cause instanceof IOException failure ? failure : new IOException(cause.getMessage(), cause);
        }
    }
}
