package io.sluice.persist.parquet;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// Threads that help those who encode: columns are encoded at the same time by the thread that makes a file and by
/// helpers that are free just then. Nobody waits for a helper to become free, so without any, or if all are busy, a
/// file is made by its own thread alone. Any thread may call any method.
public final class EncodeHelpers {
    private static final int QUEUED_FOR_EACH = 4;

    /// Nobody helps.
    public static final EncodeHelpers NONE = new EncodeHelpers(0);

    private final int threads;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private Optional<ThreadPoolExecutor> pool = Optional.empty();

    /// Starts nothing.
    ///
    /// @param threads how many may help at once, in all
    public EncodeHelpers(int threads) {
        if (threads < 0) {
            throw new IllegalArgumentException("threads must not be negative: " + threads);
        }
        this.threads = threads;
    }

    int threads() {
        return threads;
    }

    /// From now on there may be helpers; a thread is made when there is work for it.
    public void start(ThreadFactory factory) {
        lock.lock();
        try {
            if (threads > 0 && pool.isEmpty()) {
                pool = Optional.of(new ThreadPoolExecutor(
                        threads,
                        threads,
                        0,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(QUEUED_FOR_EACH * threads),
                        factory,
                        // Who asks for help does the work anyway.
                        new ThreadPoolExecutor.DiscardPolicy()));
            }
        } finally {
            lock.unlock();
        }
    }

    /// Lets the threads end when they have done what they are doing.
    public void stop() {
        lock.lock();
        try {
            pool.ifPresent(ThreadPoolExecutor::shutdown);
        } finally {
            lock.unlock();
        }
    }

    /// One of some tasks that do not depend on one another.
    @FunctionalInterface
    interface Task {
        void run(int number) throws Exception;
    }

    /// Runs tasks `0` to `count - 1`, each once, on this thread and helpers, and returns when none is running any
    /// more. After a failure no more of them begin.
    ///
    /// @throws Exception what the first task threw that failed
    void run(int count, Task task) throws Exception {
        Shared shared = new Shared(count, task);
        askForHelp(shared, Math.min(threads, count - 1));
        shared.work();
        shared.await();
    }

    private void askForHelp(Shared shared, int helpers) {
        lock.lock();
        try {
            if (pool.isPresent()) {
                for (int i = 0; i < helpers; i++) {
                    pool.get().execute(shared::help);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /// Tasks, and who works on them.
    private static final class Shared {
        private final int count;
        private final Task task;
        private final AtomicInteger next = new AtomicInteger();
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition left = lock.newCondition();

        @GuardedBy("lock")
        private int helping;

        @GuardedBy("lock")
        private boolean isOver;

        @GuardedBy("lock")
        private Optional<Throwable> failure = Optional.empty();

        Shared(int count, Task task) {
            this.count = count;
            this.task = task;
        }

        void work() {
            for (int number = next.getAndIncrement(); number < count; number = next.getAndIncrement()) {
                try {
                    task.run(number);
                } catch (Throwable e) {
                    next.set(count);
                    failed(e);
                    return;
                }
            }
        }

        private void failed(Throwable e) {
            lock.lock();
            try {
                failure = failure.or(() -> Optional.of(e));
            } finally {
                lock.unlock();
            }
        }

        void help() {
            lock.lock();
            try {
                if (isOver) {
                    return;
                }
                helping++;
            } finally {
                lock.unlock();
            }
            try {
                work();
            } finally {
                lock.lock();
                try {
                    helping--;
                    left.signalAll();
                } finally {
                    lock.unlock();
                }
            }
        }

        /// Waits for those who help; who comes later finds nothing to do.
        void await() throws Exception {
            lock.lock();
            try {
                isOver = true;
                while (helping > 0) {
                    left.awaitUninterruptibly();
                }
                if (failure.isPresent()) {
                    rethrow(failure.get());
                }
            } finally {
                lock.unlock();
            }
        }

        private static void rethrow(Throwable thrown) throws Exception {
            switch (thrown) {
                case Error e -> throw e;
                case Exception e -> throw e;
                default -> throw new IllegalStateException(thrown);
            }
        }
    }
}
