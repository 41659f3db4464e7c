package io.sluice.persist.store;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// An object store that fails on cue: before a step had its effect, or after it, as when the reply is lost.
///
/// Cues are taken in the order in which they were given, each by the next call of its step. Any thread may
/// call.
public final class FailingObjectStore implements ObjectStore {
    /// What can fail.
    public enum Step {
        /// [ObjectStore#upload].
        UPLOAD,
        /// One call of `write` on the stream of an upload.
        WRITE,
        /// [ObjectUpload#complete].
        COMPLETE,
        /// [ObjectStore#open].
        OPEN,
        /// [ObjectStore#find].
        FIND,
        /// [ObjectStore#list].
        LIST,
        /// [ObjectStore#delete].
        DELETE
    }

    /// Whether the step was taken nevertheless.
    public enum When {
        /// The step fails and changes nothing.
        BEFORE_EFFECT,
        /// The step is taken, and then reported as failed.
        AFTER_EFFECT
    }

    private record Cue(Step step, When when) {}

    private final ObjectStore next;
    private final List<Cue> cues = new ArrayList<>();
    private int failures;

    public FailingObjectStore(ObjectStore next) {
        this.next = next;
    }

    /// Makes one coming call of a step fail.
    public void failNext(Step step, When when) {
        failNext(step, when, 1);
    }

    /// Makes the next `times` calls of a step fail.
    public synchronized void failNext(Step step, When when, int times) {
        for (int i = 0; i < times; i++) {
            cues.add(new Cue(step, when));
        }
    }

    /// Forgets the cues that were not taken.
    public synchronized void heal() {
        cues.clear();
    }

    /// How many calls were made to fail.
    public synchronized int failures() {
        return failures;
    }

    private synchronized Optional<When> takeCue(Step step) {
        for (int i = 0; i < cues.size(); i++) {
            if (cues.get(i).step() == step) {
                failures++;
                return Optional.of(cues.remove(i).when());
            }
        }
        return Optional.empty();
    }

    private <T> T run(Step step, Action<T> action) throws IOException {
        Optional<When> cue = takeCue(step);
        if (cue.isPresent() && cue.get() == When.BEFORE_EFFECT) {
            throw new IOException("made to fail before " + step);
        }
        T result = action.run();
        if (cue.isPresent()) {
            if (result instanceof ObjectUpload upload) {
                upload.close();
            } else if (result instanceof InputStream stream) {
                stream.close();
            }
            throw new IOException("made to fail after " + step);
        }
        return result;
    }

    @Override
    public ObjectUpload upload(String name) throws IOException {
        return new Upload(run(Step.UPLOAD, () -> next.upload(name)));
    }

    @Override
    public InputStream open(String name) throws IOException {
        return run(Step.OPEN, () -> next.open(name));
    }

    @Override
    public Optional<ObjectInfo> find(String name) throws IOException {
        return run(Step.FIND, () -> next.find(name));
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException {
        run(Step.LIST, () -> {
            next.list(prefix, consumer);
            return true;
        });
    }

    @Override
    public void delete(String name) throws IOException {
        run(Step.DELETE, () -> {
            next.delete(name);
            return true;
        });
    }

    @Override
    public String describe() {
        return next.describe();
    }

    @FunctionalInterface
    private interface Action<T> {
        T run() throws IOException;
    }

    private final class Upload implements ObjectUpload {
        private final ObjectUpload upload;
        private final OutputStream out;

        private Upload(ObjectUpload upload) {
            this.upload = upload;
            this.out = new FilterOutputStream(upload.out()) {
                @Override
                public void write(int value) throws IOException {
                    write(new byte[] {(byte) value}, 0, 1);
                }

                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    run(Step.WRITE, () -> {
                        out.write(bytes, offset, length);
                        return true;
                    });
                }
            };
        }

        @Override
        public OutputStream out() {
            return out;
        }

        @Override
        public ObjectInfo complete() throws IOException {
            return run(Step.COMPLETE, upload::complete);
        }

        @Override
        public void close() throws IOException {
            upload.close();
        }
    }
}
