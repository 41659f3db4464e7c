package io.sluice.persist.store;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/// Objects in the heap, gone with the process: for tests. Keeps every promise of the port except durability.
public final class InMemoryObjectStore implements ObjectStore {
    private final Map<String, StoredObject> objects = new ConcurrentHashMap<>();
    private final InstantSource clock;

    public InMemoryObjectStore(InstantSource clock) {
        this.clock = clock;
    }

    @Override
    public ObjectUpload upload(String name) {
        return new Upload(ObjectNames.check(name));
    }

    @Override
    public InputStream open(String name) throws IOException {
        StoredObject object = objects.get(ObjectNames.check(name));
        if (object == null) {
            throw new NoSuchFileException(name);
        }
        return new ByteArrayInputStream(object.content().array());
    }

    @Override
    public Optional<ObjectInfo> find(String name) {
        return Optional.ofNullable(objects.get(ObjectNames.check(name))).map(StoredObject::info);
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) {
        objects.values().stream()
                .map(StoredObject::info)
                .filter(info -> info.name().startsWith(prefix))
                .toList()
                .forEach(consumer);
    }

    @Override
    public void delete(String name) {
        objects.remove(ObjectNames.check(name));
    }

    @Override
    public String describe() {
        return "memory";
    }

    private record StoredObject(ObjectInfo info, ByteBuffer content) {}

    private final class Upload implements ObjectUpload {
        private final String name;
        private final ByteArrayOutputStream content = new ByteArrayOutputStream();
        private boolean ended;

        private Upload(String name) {
            this.name = name;
        }

        @Override
        public OutputStream out() {
            return new OutputStream() {
                @Override
                public void write(int value) throws IOException {
                    requireOpen();
                    content.write(value);
                }

                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    requireOpen();
                    content.write(bytes, offset, length);
                }
            };
        }

        private void requireOpen() throws IOException {
            if (ended) {
                throw new IOException("upload of '%s' has ended".formatted(name));
            }
        }

        @Override
        public ObjectInfo complete() {
            if (ended) {
                throw new IllegalStateException("upload of '%s' has ended".formatted(name));
            }
            ended = true;
            var info = new ObjectInfo(name, content.size(), clock.instant());
            objects.put(name, new StoredObject(info, ByteBuffer.wrap(content.toByteArray())));
            return info;
        }

        @Override
        public void close() {
            ended = true;
        }
    }
}
