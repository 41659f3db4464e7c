package io.sluice.persist.store;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.persist.retry.Availability;
import io.sluice.persist.retry.CallMeter;
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
    private final CallMeter calls;
    private final Counter uploadedBytes;

    /// @param availability hears of each call whether it got an answer, those that write an upload's
    ///     content included
    public InstrumentedObjectStore(ObjectStore next, Availability availability, MeterRegistry meters) {
        this.next = next;
        this.availability = availability;
        this.calls = new CallMeter(
                "sluice.object.store.call",
                "Calls of the object store",
                NoSuchFileException.class,
                "missing",
                availability,
                meters);
        this.uploadedBytes = Counter.builder("sluice.object.store.upload")
                .description("Bytes of the objects that were completed")
                .baseUnit("bytes")
                .register(meters);
    }

    @Override
    public ObjectUpload upload(String name) throws IOException {
        return new Upload(calls.timeLocal("upload", () -> next.upload(name)));
    }

    @Override
    public long uploadMemoryBytes(long contentBytes) {
        return next.uploadMemoryBytes(contentBytes);
    }

    @Override
    public InputStream open(String name) throws IOException {
        return calls.time("open", () -> next.open(name));
    }

    @Override
    public InputStream open(String name, long positionBytes) throws IOException {
        return calls.time("open", () -> next.open(name, positionBytes));
    }

    @Override
    public Optional<ObjectInfo> find(String name) throws IOException {
        return calls.time("find", () -> next.find(name));
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException {
        calls.time("list", () -> next.list(prefix, consumer));
    }

    @Override
    public void delete(String name) throws IOException {
        calls.time("delete", () -> next.delete(name));
    }

    @Override
    public void listUnfinished(Consumer<UnfinishedUpload> consumer) throws IOException {
        calls.time("listUnfinished", () -> next.listUnfinished(consumer));
    }

    @Override
    public void discard(UnfinishedUpload upload) throws IOException {
        calls.time("discard", () -> next.discard(upload));
    }

    @Override
    public void close() throws IOException {
        next.close();
    }

    @Override
    public String describe() {
        return next.describe();
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
            ObjectInfo info = calls.time("complete", upload::complete);
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
