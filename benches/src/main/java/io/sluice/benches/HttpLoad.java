package io.sluice.benches;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// A stretch of time in which connections post line protocol to `/write?db=`, each one body at a time. What a server
/// refuses for a while (429, 503) is sent again a little later. Once; nothing is in flight afterwards.
final class HttpLoad {
    private static final int TIMEOUT_MILLIS = 60_000;
    private static final int MAX_HEAD_BYTES = 1 << 16;
    private static final long RETRY_NANOS = 20_000_000;
    private static final long NO_PACE = 0;

    private final int port;
    private final LineBodies bodies;
    private final long gapNanos;
    private final long startNanos;
    private final long countedFrom;
    private final long endNanos;
    private final AtomicLong turns = new AtomicLong();

    private HttpLoad(int port, LineBodies bodies, long gapNanos, Duration start, Duration window) {
        this.port = port;
        this.bodies = bodies;
        this.gapNanos = gapNanos;
        this.startNanos = System.nanoTime();
        this.countedFrom = start.toNanos();
        this.endNanos = countedFrom + window.toNanos();
    }

    /// What was answered in the window.
    ///
    /// @param latenciesNanos the shortest first
    record Measured(double rowsPerSecond, long[] latenciesNanos) {}

    /// As fast as answers come.
    ///
    /// @param start runs up first, uncounted
    static Measured atPeak(int port, LineBodies bodies, int connections, Duration start, Duration window)
            throws IOException, InterruptedException {
        return new HttpLoad(port, bodies, NO_PACE, start, window).run(connections);
    }

    /// At a steady pace as long as a connection is free; latencies count from when a body was due.
    static Measured paced(
            int port, LineBodies bodies, int connections, double rowsPerSecond, Duration start, Duration window)
            throws IOException, InterruptedException {
        return new HttpLoad(port, bodies, (long) (1e9 * bodies.rows() / rowsPerSecond), start, window).run(connections);
    }

    private Measured run(int connections) throws IOException, InterruptedException {
        try (ExecutorService threads = Executors.newThreadPerTaskExecutor(
                Thread.ofPlatform().name("connection-", 0).factory())) {
            List<Future<Latencies>> running = new ArrayList<>();
            for (int i = 0; i < connections; i++) {
                running.add(threads.submit(this::connection));
            }
            List<Latencies> all = new ArrayList<>();
            for (Future<Latencies> one : running) {
                all.add(one.get());
            }
            long[] sorted = Latencies.sorted(all);
            if (sorted.length == 0) {
                throw new IOException("no body was answered within the window");
            }
            return new Measured(sorted.length * (double) bodies.rows() / ((endNanos - countedFrom) / 1e9), sorted);
        } catch (ExecutionException e) {
            throw new IOException("a connection failed: " + e.getCause(), e.getCause());
        }
    }

    private Latencies connection() throws IOException {
        Latencies latencies = new Latencies();
        byte[] request = new byte[MAX_HEAD_BYTES + bodies.longestBytes()];
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            OutputStream out = socket.getOutputStream();
            InputStream in = socket.getInputStream();
            for (long due = nextDue(); due <= endNanos; due = nextDue()) {
                int lengthBytes = bodies.next(request, MAX_HEAD_BYTES);
                byte[] head = "POST /write?db=bench HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                        .formatted(lengthBytes)
                        .getBytes(StandardCharsets.US_ASCII);
                int from = MAX_HEAD_BYTES - head.length;
                System.arraycopy(head, 0, request, from, head.length);
                out.write(request, from, head.length + lengthBytes);
                while (!isTaken(in)) {
                    LockSupport.parkNanos(RETRY_NANOS);
                    out.write(request, from, head.length + lengthBytes);
                }
                long answered = System.nanoTime() - startNanos;
                if (answered >= countedFrom && answered <= endNanos) {
                    latencies.add(answered - due);
                }
            }
        }
        return latencies;
    }

    /// When the next body is due: now, or when the pace says so, and then waits for that.
    private long nextDue() {
        if (gapNanos == NO_PACE) {
            return System.nanoTime() - startNanos;
        }
        long due = turns.getAndIncrement() * gapNanos;
        for (long left = startNanos + due - System.nanoTime();
                left > 0 && due <= endNanos;
                left = startNanos + due - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
        return due;
    }

    /// Reads an answer; false if the server asks to send the body again later.
    private static boolean isTaken(InputStream in) throws IOException {
        String statusLine = line(in);
        String[] words = statusLine.split(" ", 3);
        if (words.length < 2) {
            throw new IOException("expected an answer of HTTP, found '%s'".formatted(statusLine));
        }
        int lengthBytes = 0;
        boolean isChunked = false;
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
            String[] field = header.split(":", 2);
            if (field[0].equalsIgnoreCase("Content-Length")) {
                lengthBytes = Integer.parseInt(field[1].strip());
            } else if (field[0].equalsIgnoreCase("Transfer-Encoding")) {
                isChunked = true;
            }
        }
        String body = isChunked ? "" : new String(in.readNBytes(lengthBytes), StandardCharsets.UTF_8);
        return switch (words[1]) {
            case "204", "200" -> true;
            case "429", "503" -> false;
            default -> throw new IOException("the server answered %s %s".formatted(statusLine, body));
        };
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
}
