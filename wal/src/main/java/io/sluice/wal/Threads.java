package io.sluice.wal;

/// What the log's threads have in common.
final class Threads {
    private Threads() {}

    /// Waits for a thread's end, whatever interrupts: what it has taken was promised an answer.
    static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
