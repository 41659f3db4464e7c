package io.sluice.persist;

import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectUpload;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/// An object store whose uploads hang until they are let go.
final class HangingObjectStore implements ObjectStore {
    /// What an upload is said to take.
    static final long UPLOAD_MEMORY_BYTES = 24 << 20;

    private final ObjectStore next;
    private final boolean noticesInterrupts;
    private final String inName;
    private final CountDownLatch hangs = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    HangingObjectStore(ObjectStore next, boolean noticesInterrupts) {
        this(next, noticesInterrupts, "");
    }

    /// @param inName only what has this in its name hangs
    HangingObjectStore(ObjectStore next, boolean noticesInterrupts, String inName) {
        this.next = next;
        this.inName = inName;
        this.noticesInterrupts = noticesInterrupts;
    }

    void awaitHanging() throws InterruptedException {
        hangs.await();
    }

    void release() {
        released.countDown();
    }

    @Override
    public ObjectUpload upload(String name) throws IOException {
        if (!name.contains(inName)) {
            return next.upload(name);
        }
        hangs.countDown();
        boolean isInterrupted = false;
        while (true) {
            try {
                released.await();
                break;
            } catch (InterruptedException e) {
                isInterrupted = true;
                if (noticesInterrupts) {
                    throw new InterruptedIOException("interrupted");
                }
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
        return next.upload(name);
    }

    @Override
    public long uploadMemoryBytes(long contentBytes) {
        return UPLOAD_MEMORY_BYTES;
    }

    @Override
    public InputStream open(String name) throws IOException {
        return next.open(name);
    }

    @Override
    public Optional<ObjectInfo> find(String name) throws IOException {
        return next.find(name);
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException {
        next.list(prefix, consumer);
    }

    @Override
    public void delete(String name) throws IOException {
        next.delete(name);
    }

    @Override
    public String describe() {
        return next.describe();
    }
}
