package io.sluice.persist.store;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import java.util.function.Consumer;

/// Counts and times the calls of an object store: `sluice.object.store.call`, by `method` and `outcome` (`ok`,
/// `missing`, `error`), and counts the bytes of the objects that were completed: `sluice.object.store.upload`.
///
/// What is timed of an upload is its beginning and its completion, not what its user does in between.
public final class InstrumentedObjectStore implements ObjectStore {
    private final ObjectStore next;
    private final MeterRegistry meters;
    private final Counter uploadedBytes;

    public InstrumentedObjectStore(ObjectStore next, MeterRegistry meters) {
        this.next = next;
        this.meters = meters;
        this.uploadedBytes = Counter.builder("sluice.object.store.upload")
                .description("Bytes of the objects that were completed")
                .baseUnit("bytes")
                .register(meters);
    }

    @Override
    public ObjectUpload upload(String name) throws IOException {
        return new Upload(time("upload", () -> next.upload(name)));
    }

    @Override
    public InputStream open(String name) throws IOException {
        return time("open", () -> next.open(name));
    }

    @Override
    public Optional<ObjectInfo> find(String name) throws IOException {
        return time("find", () -> next.find(name));
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException {
        time("list", () -> {
            next.list(prefix, consumer);
            return true;
        });
    }

    @Override
    public void delete(String name) throws IOException {
        time("delete", () -> {
            next.delete(name);
            return true;
        });
    }

    @Override
    public String describe() {
        return next.describe();
    }

    @FunctionalInterface
    private interface Call<T> {
        T run() throws IOException;
    }

    private <T> T time(String method, Call<T> call) throws IOException {
        Timer.Sample sample = Timer.start(meters);
        String outcome = "error";
        try {
            T result = call.run();
            outcome = "ok";
            return result;
        } catch (NoSuchFileException e) {
            outcome = "missing";
            throw e;
        } finally {
            sample.stop(Timer.builder("sluice.object.store.call")
                    .description("Calls of the object store")
                    .tag("method", method)
                    .tag("outcome", outcome)
                    .register(meters));
        }
    }

    private final class Upload implements ObjectUpload {
        private final ObjectUpload upload;

        private Upload(ObjectUpload upload) {
            this.upload = upload;
        }

        @Override
        public OutputStream out() {
            return upload.out();
        }

        @Override
        public ObjectInfo complete() throws IOException {
            ObjectInfo info = time("complete", upload::complete);
            uploadedBytes.increment((double) info.sizeBytes());
            return info;
        }

        @Override
        public void close() throws IOException {
            upload.close();
        }
    }
}
