package io.sluice.ingester.http;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/// A client that says exactly what the test says, good manners or not.
final class RawClient implements AutoCloseable {
    private static final int MAX_SILENCE_MS = 20_000;

    private final Socket socket;
    private final InputStream in;

    RawClient(RunningDoor door) throws IOException {
        socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), door.port());
        socket.setSoTimeout(MAX_SILENCE_MS); // no interrupt ends a read
        in = new BufferedInputStream(socket.getInputStream());
    }

    /// @param headers by name; names in lower case
    record Response(int status, Map<String, String> headers, String body) {}

    /// Sends text, each character as one byte.
    void send(String text) throws IOException {
        send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
    }

    /// The head of a write to bucket `b`.
    void sendHead(String... headers) throws IOException {
        send("POST /api/v2/write?bucket=b HTTP/1.1\r\nHost: test\r\n" + String.join("\r\n", headers) + "\r\n\r\n");
    }

    /// No more will be sent, but an answer is waited for.
    void endOutput() throws IOException {
        socket.shutdownOutput();
    }

    Response receive() throws IOException {
        String statusLine = line();
        Map<String, String> headers = new HashMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        byte[] body = in.readNBytes(length);
        return new Response(
                Integer.parseInt(statusLine.split(" ", -1)[1]), headers, new String(body, StandardCharsets.UTF_8));
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the server has closed the connection, after '%s'".formatted(line));
            }
            line.append((char) c);
        }
        return line.toString().strip();
    }

    /// Waits until the server has closed the connection; false if it says something before.
    boolean isClosedByServer() {
        try {
            return in.read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true; // reset
        }
    }

    /// Reads whatever the server says until it closes the connection.
    void awaitClosedByServer() throws IOException {
        try {
            var _ = in.transferTo(OutputStream.nullOutputStream());
        } catch (SocketTimeoutException e) {
            throw e;
        } catch (IOException e) {
            // Reset, and so closed.
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
