package io.sluice.ingester.it;

import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/// Clients that write one row after another, each with a mark of its own, as fast as they are answered; who is refused
/// comes back when the server said, with the same row.
final class Writers implements AutoCloseable {
    private static final int PARTITIONS = 8;
    private static final long DAY_NS = 86_400_000_000_000L;
    private static final long PATIENCE_SECONDS = 120;

    private final SluiceServer server;
    private final String table;
    private final String padding;
    private final AtomicInteger lastMark = new AtomicInteger();
    private final Set<Integer> acknowledged = ConcurrentHashMap.newKeySet();
    private final BlockingQueue<HttpResponse<String>> refusals = new LinkedBlockingQueue<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final AtomicReference<String> trouble = new AtomicReference<>("");
    private final List<Thread> threads = new ArrayList<>();

    /// Begins to write.
    ///
    /// @param paddingBytes makes rows longer, for all that would make them shorter on disk
    Writers(SluiceServer server, String table, int count, int paddingBytes) {
        this.server = server;
        this.table = table;
        this.padding = "x".repeat(paddingBytes);
        for (int i = 0; i < count; i++) {
            threads.add(Thread.ofVirtual().name("writer-" + i).start(this::run));
        }
    }

    private void run() {
        try {
            while (closed.getCount() > 0) {
                write(lastMark.incrementAndGet());
            }
        } catch (Exception | Error e) {
            trouble.compareAndSet("", "a writer ended: " + e);
        }
    }

    private void write(int mark) throws Exception {
        String line =
                "%s,w=%d v=%di,p=\"%s\" %d".formatted(table, mark, mark, padding, mark % PARTITIONS * DAY_NS + mark);
        while (closed.getCount() > 0) {
            HttpResponse<String> answer = server.write(Marks.NAMESPACE, line.getBytes(StandardCharsets.UTF_8));
            switch (answer.statusCode()) {
                case 204 -> {
                    acknowledged.add(mark);
                    return;
                }
                case 503 -> {
                    refusals.add(answer);
                    long seconds = Long.parseLong(
                            answer.headers().firstValue("Retry-After").orElseThrow());
                    boolean _ = closed.await(seconds, TimeUnit.SECONDS);
                }
                default -> throw new AssertionError(answer.statusCode() + " " + answer.body());
            }
        }
    }

    /// Waits until so many more rows are acknowledged than are now.
    void awaitMore(int rows) {
        int wanted = acknowledged.size() + rows;
        long start = System.nanoTime();
        while (acknowledged.size() < wanted) {
            requirePatience(start, "%d of %d rows are acknowledged".formatted(acknowledged.size(), wanted));
            Thread.onSpinWait();
        }
    }

    /// Waits for a refusal that nobody was given yet.
    HttpResponse<String> awaitRefusal() throws InterruptedException {
        HttpResponse<String> refused = refusals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (refused == null) {
            throw new AssertionError(
                    "no write was refused; %d were acknowledged %s".formatted(acknowledged.size(), trouble.get()));
        }
        return refused;
    }

    private void requirePatience(long startNs, String found) {
        if (!trouble.get().isEmpty() || System.nanoTime() - startNs > TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)) {
            throw new AssertionError("%s %s; the server says:%n%s"
                    .formatted(found, trouble.get(), String.join(System.lineSeparator(), server.log())));
        }
    }

    /// Ends when each writer has its last answer.
    ///
    /// @return the marks of the rows that are acknowledged, sorted
    List<Integer> finish() throws InterruptedException {
        closed.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        if (!trouble.get().isEmpty()) {
            throw new AssertionError(trouble.get());
        }
        return acknowledged.stream().sorted().toList();
    }

    /// Lets the writers end, and does not wait for them.
    @Override
    public void close() {
        closed.countDown();
    }
}
