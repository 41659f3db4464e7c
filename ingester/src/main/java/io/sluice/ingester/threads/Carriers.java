package io.sluice.ingester.threads;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// The platform threads that carry virtual ones. The JDK starts one when there is work for it, from whichever
/// thread has that work, and ends it when none of them had any for half a minute. One that a thread of
/// [BackgroundThreads] starts would give way like it, for as long as it lives. So all are started by a thread
/// that does not, and are kept.
public final class Carriers {
    /// Threads that carry, as the JDK's documentation of `Thread` names the setting.
    private static final String COUNT = "jdk.virtualThreadScheduler.parallelism";

    private Carriers() {}

    /// Starts all of them. Returns when they run.
    public static void startAll() throws InterruptedException {
        int count = Integer.getInteger(COUNT, Runtime.getRuntime().availableProcessors());
        AtomicInteger running = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            threads.add(Thread.startVirtualThread(() -> {
                // None ends before all have a carrier.
                running.incrementAndGet();
                while (running.get() < count) {
                    Thread.onSpinWait();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    /// Gives them something to do, so that none is ended. To be called every few seconds.
    public static void keep() {
        var _ = Thread.startVirtualThread(() -> {});
    }
}
