package io.sluice.persist.store;

import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.s3.model.CompletedPart;

/// A part on its way. One thread runs it, another one waits for it.
final class S3Part implements Runnable {
    /// For a thread to notice that it was interrupted. A part that arrives behind the abort of its upload takes up room
    /// until `sluice gc` finds it.
    private static final long CANCEL_SECONDS = 2;

    private final byte[] content;
    private final S3Calls.Call<CompletedPart> call;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile @Nullable CompletedPart result;
    private volatile @Nullable Throwable failure;
    private @Nullable Thread runner;
    private boolean cancelled;

    /// @param content the bytes on their way, which nobody changes until it has ended
    S3Part(byte[] content, S3Calls.Call<CompletedPart> call) {
        this.content = content;
        this.call = call;
    }

    byte[] content() {
        return content;
    }

    @Override
    public void run() {
        try {
            if (begin()) {
                result = call.run();
            }
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        } finally {
            finish();
            ended.countDown();
        }
    }

    private synchronized boolean begin() {
        runner = Thread.currentThread();
        return !cancelled;
    }

    private synchronized void finish() {
        runner = null;
    }

    /// Ends it early if it has not ended.
    synchronized void cancel() {
        cancelled = true;
        if (runner != null) {
            runner.interrupt();
        }
    }

    /// Waits until it has arrived.
    CompletedPart await(String doing) throws IOException {
        try {
            ended.await();
        } catch (InterruptedException e) {
            throw S3Failures.interrupted("cannot " + doing, e);
        }
        Throwable cause = failure;
        if (cause != null) {
            throw new IOException(cause.getMessage(), cause);
        }
        return Objects.requireNonNull(result, "a part that ended without a failure has a result");
    }

    /// Waits a moment for it to notice [#cancel].
    void awaitEnd() {
        boolean interrupted = Thread.interrupted();
        try {
            boolean _ = ended.await(CANCEL_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
