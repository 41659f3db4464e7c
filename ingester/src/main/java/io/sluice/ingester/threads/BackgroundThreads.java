package io.sluice.ingester.threads;

import java.io.IOException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Threads for work that takes long and can wait a little. When there are more threads that want to run than
/// processors, those that answer somebody or wait for the disk go first: they need microseconds, and would else stand
/// behind work of milliseconds at each of their steps.
///
/// Threads inherit how far they give way, so what the work starts, it starts by way of others: see [Carriers]. Any
/// thread may call any method.
public final class BackgroundThreads {
    /// The farthest that a thread can give way.
    public static final int MAX_NICENESS = Niceness.MAX;

    private static final Logger LOG = LoggerFactory.getLogger(BackgroundThreads.class);

    /// What the JVM calls its optimizing compiler's threads, as far as the system keeps their names.
    private static final String COMPILER = "C2 CompilerThre";

    private final int niceness;
    /// Whether the log says that it has no effect.
    private final AtomicBoolean isTold = new AtomicBoolean();

    /// @param niceness 0, not at all, to [#MAX_NICENESS]
    public BackgroundThreads(int niceness) {
        this.niceness = niceness;
    }

    /// Makes platform threads that give way.
    ///
    /// @param name of all of them, to which a number is added
    public ThreadFactory factory(String name) {
        ThreadFactory numbered = Thread.ofPlatform().name(name + "-", 0).factory();
        return task -> numbered.newThread(() -> {
            giveWay();
            task.run();
        });
    }

    private void giveWay() {
        if (niceness > 0 && !Niceness.ofThisThread(niceness) && !isTold.getAndSet(true)) {
            LOG.info("this system does not let threads give way to others: --background-nice has no effect");
        }
    }

    /// Makes the JVM's optimizing compiler give way: it takes a third of a processor in the first minutes under load.
    /// Threads that it adds inherit that.
    public void lowerCompiler() {
        if (niceness == 0) {
            return;
        }
        try {
            int threads = Niceness.ofThreads(COMPILER, niceness);
            LOG.debug("{} threads of the JVM's compiler give way to others", threads);
        } catch (IOException e) {
            LOG.info("the JVM's compiler does not give way to other threads: {}", e.toString());
        }
    }
}
