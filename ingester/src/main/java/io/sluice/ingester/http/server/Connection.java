package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.InstantSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One connection, on a thread of its own: requests and answers, one after the other. Others may end it.
final class Connection {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);
    /// How much of a body that was not wanted is read behind the answer: a client that is still sending does not see
    /// the answer if its connection breaks.
    private static final long MAX_DRAIN_BYTES = 16L << 20;

    private static final int DRAIN_BUFFER_BYTES = 16 * 1_024;

    private final Socket socket;
    private final HttpHandler handler;
    private final InstantSource clock;
    private final Patience patience;
    private final InetSocketAddress client;
    private final ConnectionInput in;
    private final OutputStream out;
    private volatile boolean isEnding;

    Connection(Socket socket, HttpHandler handler, InstantSource clock, Patience patience) throws IOException {
        this.socket = socket;
        this.handler = handler;
        this.clock = clock;
        this.patience = patience;
        this.client = (InetSocketAddress) socket.getRemoteSocketAddress();
        // Otherwise the end of an answer waits for the client's delayed acknowledgement of its beginning.
        socket.setTcpNoDelay(true);
        this.in = new ConnectionInput(socket.getInputStream(), patience);
        this.out = socket.getOutputStream();
    }

    Patience patience() {
        return patience;
    }

    InetSocketAddress client() {
        return client;
    }

    /// Serves requests until the client or somebody else ends the connection.
    void run() {
        try (socket) {
            boolean isOpen = true;
            while (isOpen && !isEnding) {
                patience.begin(Phase.IDLE);
                isOpen = in.awaitMore() && serve();
            }
        } catch (IOException e) {
            LOG.debug("the connection of {} ended: {}", client, e.toString());
        } catch (RuntimeException e) {
            LOG.error("a request of {} failed, and its connection ends", client, e);
        }
    }

    /// Serves one request; false if there can be no other behind it.
    private boolean serve() throws IOException {
        patience.begin(Phase.HEAD);
        HttpCall call;
        try {
            call = new HttpCall(RequestHead.read(in), this, in);
        } catch (BadRequestException e) {
            return end(HttpAnswer.last(e.status(), String.valueOf(e.getMessage())));
        } catch (SlowClientException e) {
            return end(HttpAnswer.last(408, String.valueOf(e.getMessage())));
        }
        patience.begin(Phase.WORK);
        handler.handle(call);
        if (!call.isAnswered()) {
            throw new IOException("a request was not answered");
        }
        if (call.isLast()) {
            return endOutput();
        }
        patience.begin(Phase.BODY);
        return call.isRead() || drain(call.body());
    }

    private boolean end(HttpAnswer answer) throws IOException {
        send(answer, false, false);
        return endOutput();
    }

    /// Says that nothing more will come, and reads for a moment what does: to close while the client is sending would
    /// take the answer back.
    private boolean endOutput() throws IOException {
        patience.begin(Phase.HEAD); // with an end that does not move
        socket.shutdownOutput();
        byte[] buffer = new byte[DRAIN_BUFFER_BYTES];
        long drained = 0;
        for (int read = 0; read >= 0 && drained < MAX_DRAIN_BYTES; drained += read) {
            read = in.read(buffer, 0, buffer.length);
        }
        return false;
    }

    /// Reads what is left of a body; false if that is too much.
    private static boolean drain(InputStream body) throws IOException {
        byte[] buffer = new byte[4 * DRAIN_BUFFER_BYTES];
        long drained = 0;
        for (int read = 0; drained < MAX_DRAIN_BYTES; drained += read) {
            read = body.read(buffer, 0, buffer.length);
            if (read < 0) {
                return true;
            }
        }
        return false;
    }

    void send(HttpAnswer answer, boolean isHead, boolean keepsOldAlive) throws IOException {
        byte[] bytes = answer.encode(clock.instant(), isHead, keepsOldAlive);
        patience.begin(Phase.ANSWER);
        for (int sent = 0; sent < bytes.length; ) {
            int next = Math.min(Patience.STEP_BYTES, bytes.length - sent);
            out.write(bytes, sent, next);
            patience.moved(next);
            sent += next;
        }
    }

    /// Sends bytes that are no answer.
    void sendNow(byte[] bytes) throws IOException {
        out.write(bytes);
    }

    /// Whether the client still sends what somebody waits for.
    private boolean isReading() {
        return switch (patience.phase()) {
            case HEAD, BODY -> true;
            case IDLE, WORK, ANSWER -> false;
        };
    }

    /// Ends the connection of a client that took too long: if it is sending it hears why, the first time. Any thread
    /// may call.
    void endSlow() {
        if (!isReading() || patience.isExhausted()) {
            close();
            return;
        }
        patience.exhaust();
        try {
            socket.shutdownInput();
        } catch (IOException e) {
            LOG.debug("the connection of {} ended by itself: {}", client, e.toString());
        }
    }

    /// Ends the connection behind the request that is worked on, or at once if there is none. Any thread may call.
    void endSoon() {
        isEnding = true;
        switch (patience.phase()) {
            case WORK, ANSWER -> {}
            case IDLE, HEAD, BODY -> close();
        }
    }

    /// Ends the connection at once. Any thread may call.
    void close() {
        try {
            socket.close();
        } catch (IOException e) {
            LOG.debug("the connection of {} was not closed in order: {}", client, e.toString());
        }
    }
}
