package io.sluice.ingester.grpc;

import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.Executor;

/// The thread that reads from a connection and writes to it, for other connections, too: what runs there takes
/// microseconds and never blocks. Refuses tasks when it has ended.
interface ConnectionThread extends Executor {
    /// Whether the caller is on it.
    boolean isCurrent();

    static ConnectionThread of(EventExecutor loop) {
        return new Loop(loop);
    }

    /// In place of a thread that is not known: nobody is on it, and what it is to run runs on an executor.
    static ConnectionThread unknown(Executor executor) {
        return new Unknown(executor);
    }

    /// One of Netty's.
    record Loop(EventExecutor loop) implements ConnectionThread {
        @Override
        public boolean isCurrent() {
            return loop.inEventLoop();
        }

        @Override
        public void execute(Runnable task) {
            loop.execute(task);
        }
    }

    /// None.
    record Unknown(Executor executor) implements ConnectionThread {
        @Override
        public boolean isCurrent() {
            return false;
        }

        @Override
        public void execute(Runnable task) {
            executor.execute(task);
        }
    }
}
