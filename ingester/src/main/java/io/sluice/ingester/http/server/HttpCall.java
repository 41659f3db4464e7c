package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// One request, and the way to answer it. For the connection's thread.
public final class HttpCall {
    private static final byte[] CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);

    private final RequestHead head;
    private final Connection connection;
    private final Body body;
    private boolean isAnswered;
    private boolean isLast;

    HttpCall(RequestHead head, Connection connection, ConnectionInput in) {
        this.head = head;
        this.connection = connection;
        this.body = new Body(
                head.bodyBytes() == RequestHead.CHUNKED ? new ChunkedBody(in) : new FixedBody(in, head.bodyBytes()),
                in);
    }

    /// As in the request: `POST`.
    public String method() {
        return head.method();
    }

    /// Of the target, decoded.
    public String path() {
        return String.valueOf(head.target().getPath());
    }

    /// Of the target, behind the question mark, as it was sent.
    public String rawQuery() {
        return Optional.ofNullable(head.target().getRawQuery()).orElse("");
    }

    /// A header's value; several are joined by commas.
    public Optional<String> header(String name) {
        return head.header(name);
    }

    /// How long the body says that it is; empty if it does not.
    public Optional<Long> announcedBytes() {
        return head.bodyBytes() == RequestHead.CHUNKED ? Optional.empty() : Optional.of(head.bodyBytes());
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
        // Who was not told to send its body may send it or not, so that nothing can be read behind this request.
        isLast = answer.isLast() || body.isWaitedFor || !head.keepsAlive();
        connection.send(
                isLast == answer.isLast()
                        ? answer
                        : new HttpAnswer(answer.status(), answer.headers(), answer.body(), isLast),
                head.isHead(),
                head.isOld());
    }

    boolean isAnswered() {
        return isAnswered;
    }

    boolean isLast() {
        return isLast;
    }

    /// Whether nothing of the body is left.
    boolean isRead() {
        return body.isRead;
    }

    private final class Body extends InputStream {
        private final InputStream bytes;
        private final ConnectionInput in;
        /// Whether the client waits until it is told to send it.
        private boolean isWaitedFor = head.expectsContinue();
        private boolean isRead = head.bodyBytes() == 0;

        Body(InputStream bytes, ConnectionInput in) {
            this.bytes = bytes;
            this.in = in;
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
            if (isWaitedFor) {
                isWaitedFor = false;
                if (!in.isBuffered()) {
                    connection.sendNow(CONTINUE);
                }
            }
            if (connection.patience().phase() == Phase.WORK) {
                connection.patience().begin(Phase.BODY);
            }
            int read = bytes.read(into, from, length);
            if (read < 0) {
                isRead = true;
                if (!isAnswered) {
                    connection.patience().begin(Phase.WORK);
                }
            }
            return read;
        }
    }
}
