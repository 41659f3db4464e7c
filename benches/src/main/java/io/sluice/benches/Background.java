package io.sluice.benches;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/// Does something again and again beside what is measured, until it is closed; closing waits for the last time, and
/// tells of a failure.
final class Background implements AutoCloseable {
    private volatile boolean isOver;
    private CompletableFuture<Void> done = CompletableFuture.completedFuture(null);

    private Background() {}

    /// What is done.
    @FunctionalInterface
    interface Job {
        /// Once.
        void run() throws IOException, InterruptedException;
    }

    static Background none() {
        return new Background();
    }

    static Background repeat(Job job) {
        Background background = new Background();
        background.done = CompletableFuture.runAsync(
                () -> background.run(job),
                command -> Thread.ofPlatform().name("background").start(command));
        return background;
    }

    private void run(Job job) {
        try {
            while (!isOver) {
                job.run();
            }
        } catch (IOException e) {
            throw new CompletionException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CompletionException(e);
        }
    }

    @Override
    public void close() throws IOException {
        isOver = true;
        try {
            done.join();
        } catch (CompletionException e) {
            throw new IOException("what ran beside it failed", e.getCause());
        }
    }
}
