package io.sluice.ingester.cli;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// SIGHUP, which ends a process that does not listen to it. From [#install] on it does not; what comes before somebody
/// listens is told as soon as somebody does, once.
final class Hangup {
    private static final Logger LOG = LoggerFactory.getLogger(Hangup.class);

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private Optional<Runnable> listener = Optional.empty();

    @GuardedBy("lock")
    private boolean isMissed;

    /// Takes the signal from now on. Where it cannot be taken, that is logged, and it does what it does.
    void install() {
        try {
            if (Signals.take("HUP", this::hear)) {
                LOG.info("SIGHUP is ignored, as whoever started this process wanted (nohup does); sluice reconfigure"
                        + " changes settings");
            }
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            LOG.info("SIGHUP cannot be listened to on this system; sluice reconfigure changes settings", e);
        }
    }

    /// A signal has come.
    void hear() {
        Optional<Runnable> told;
        lock.lock();
        try {
            told = listener;
            isMissed = told.isEmpty();
        } finally {
            lock.unlock();
        }
        told.ifPresent(Runnable::run);
    }

    /// Somebody listens from now on.
    ///
    /// @param listener called on a thread of the JVM for each signal, and on this one if a signal was missed
    void listen(Runnable listener) {
        boolean tellNow;
        lock.lock();
        try {
            this.listener = Optional.of(listener);
            tellNow = isMissed;
            isMissed = false;
        } finally {
            lock.unlock();
        }
        if (tellNow) {
            listener.run();
        }
    }
}
