package io.sluice.persist.store;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.persist.retry.Availability;
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
    private final Availability availability;
    private final MeterRegistry meters;
    private final Counter uploadedBytes;

    /// @param availability hears of each call whether it got an answer, those that write an upload's
    ///     content included
    public InstrumentedObjectStore(ObjectStore next, Availability availability, MeterRegistry meters) {
        this.next = next;
        this.availability = availability;
        this.meters = meters;
        this.uploadedBytes = Counter.builder("sluice.object.store.upload")
                .description("Bytes of the objects that were completed")
                .baseUnit("bytes")
                .register(meters);
    }

    @Override
    public ObjectUpload upload(String name) throws IOException {
        // Beginning need not ask the service anything, so it says nothing of it.
        return new Upload(time("upload", () -> {}, () -> next.upload(name)));
    }

    @Override
    public long uploadMemoryBytes(long contentBytes) {
        return next.uploadMemoryBytes(contentBytes);
    }

    @Override
    public InputStream open(String name) throws IOException {
        return time("open", () -> next.open(name));
    }

    @Override
    public InputStream open(String name, long positionBytes) throws IOException {
        return time("open", () -> next.open(name, positionBytes));
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
    public void listUnfinished(Consumer<UnfinishedUpload> consumer) throws IOException {
        time("listUnfinished", () -> {
            next.listUnfinished(consumer);
            return true;
        });
    }

    @Override
    public void discard(UnfinishedUpload upload) throws IOException {
        time("discard", () -> {
            next.discard(upload);
            return true;
        });
    }

    @Override
    public void close() throws IOException {
        next.close();
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
        return time(method, availability::succeeded, call);
    }

    private <T> T time(String method, Runnable succeeded, Call<T> call) throws IOException {
        Timer.Sample sample = Timer.start(meters);
        String outcome = "error";
        try {
            T result = call.run();
            outcome = "ok";
            succeeded.run();
            return result;
        } catch (NoSuchFileException e) {
            outcome = "missing";
            availability.succeeded();
            throw e;
        } catch (IOException e) {
            availability.failed(e);
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
        private final OutputStream out;

        private Upload(ObjectUpload upload) {
            this.upload = upload;
            this.out = new Content(upload.out());
        }

        @Override
        public OutputStream out() {
            return out;
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

    /// Tells of failures; that a write went well may only mean that there was room in a buffer.
    private final class Content extends OutputStream {
        private final OutputStream next;

        private Content(OutputStream next) {
            this.next = next;
        }

        @Override
        public void write(int value) throws IOException {
            try {
                next.write(value);
            } catch (IOException e) {
                availability.failed(e);
                throw e;
            }
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                next.write(bytes, offset, length);
            } catch (IOException e) {
                availability.failed(e);
                throw e;
            }
        }

        @Override
        public void flush() throws IOException {
            next.flush();
        }

        @Override
        public void close() throws IOException {
            next.close();
        }
    }
}
