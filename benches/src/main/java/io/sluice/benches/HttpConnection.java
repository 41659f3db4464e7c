package io.sluice.benches;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/// One connection to a server of this machine, over which line protocol is posted to `/write?db=bench`, one body after
/// another. For one thread.
final class HttpConnection implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 60_000;
    private static final int MAX_HEAD_BYTES = 1 << 16;

    private final int port;
    private final LineBodies bodies;
    private final byte[] request;
    private Socket socket;
    private int from;
    private int end;

    /// @param bodies which to post; others may take from them too
    HttpConnection(int port, LineBodies bodies) throws IOException {
        this.port = port;
        this.bodies = bodies;
        this.request = new byte[MAX_HEAD_BYTES + bodies.longestBytes()];
        this.socket = connect(port);
    }

    private static Socket connect(int port) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        boolean done = false;
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            done = true;
            return socket;
        } finally {
            if (!done) {
                socket.close();
            }
        }
    }

    /// Goes on over a new connection; the body stays.
    void reopen() throws IOException {
        socket.close();
        socket = connect(port);
    }

    /// What a server says to a body.
    ///
    /// @param status of HTTP
    /// @param retryAfterSeconds the header of this name
    /// @param isLast whether the server closes the connection behind it
    record Answer(int status, OptionalInt retryAfterSeconds, boolean isLast, String body) {
        boolean isTaken() {
            return status == 204 || status == 200;
        }

        /// Whether the server asks to send the body again later.
        boolean isRefused() {
            return status == 429 || status == 503;
        }
    }

    /// Takes the next body, which [#post] then sends.
    void next() {
        int lengthBytes = bodies.next(request, MAX_HEAD_BYTES);
        byte[] head = "POST /write?db=bench HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                .formatted(lengthBytes)
                .getBytes(StandardCharsets.US_ASCII);
        from = MAX_HEAD_BYTES - head.length;
        end = MAX_HEAD_BYTES + lengthBytes;
        System.arraycopy(head, 0, request, from, head.length);
    }

    /// Sends the body, and waits for the answer. It may be sent again.
    Answer post() throws IOException {
        socket.getOutputStream().write(request, from, end - from);
        return answer(socket.getInputStream());
    }

    private static Answer answer(InputStream in) throws IOException {
        String statusLine = line(in);
        String[] words = statusLine.split(" ", 3);
        if (words.length < 2) {
            throw new IOException("expected an answer of HTTP, found '%s'".formatted(statusLine));
        }
        int lengthBytes = 0;
        boolean isChunked = false;
        boolean isLast = false;
        OptionalInt retryAfter = OptionalInt.empty();
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
            String[] field = header.split(":", 2);
            String value = field[1].strip();
            if (field[0].equalsIgnoreCase("Content-Length")) {
                lengthBytes = Integer.parseInt(value);
            } else if (field[0].equalsIgnoreCase("Transfer-Encoding")) {
                isChunked = true;
            } else if (field[0].equalsIgnoreCase("Retry-After")) {
                retryAfter = OptionalInt.of(Integer.parseInt(value));
            } else if (field[0].equalsIgnoreCase("Connection")) {
                isLast = value.equalsIgnoreCase("close");
            }
        }
        String body = isChunked ? "" : new String(in.readNBytes(lengthBytes), StandardCharsets.UTF_8);
        return new Answer(Integer.parseInt(words[1]), retryAfter, isLast, body);
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new IOException("the server closed the connection");
            }
            if (line.length() == MAX_HEAD_BYTES) {
                throw new IOException("the answer's head is longer than %d bytes".formatted(MAX_HEAD_BYTES));
            }
            if (b != '\r') {
                line.append((char) b);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
