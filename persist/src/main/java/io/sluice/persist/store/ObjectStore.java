package io.sluice.persist.store;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.function.Consumer;

/// Named, immutable objects. Any thread may call any method. [ObjectNames] says what a name is; every method
/// that takes one throws [IllegalArgumentException] for what is none.
public interface ObjectStore extends AutoCloseable {
    /// Begins an object. Nothing is visible before [ObjectUpload#complete].
    ObjectUpload upload(String name) throws IOException;

    /// How much memory an upload takes at most, beside what is written to it.
    ///
    /// @param contentBytes how long the object will be at most
    default long uploadMemoryBytes(long contentBytes) {
        return 0;
    }

    /// Opens an object. The caller closes the stream.
    ///
    /// @throws java.nio.file.NoSuchFileException if there is no such object
    InputStream open(String name) throws IOException;

    /// As [#open(String)], from a position on.
    ///
    /// @param positionBytes where to begin, from 0 to the object's length
    default InputStream open(String name, long positionBytes) throws IOException {
        InputStream in = open(name);
        try {
            in.skipNBytes(positionBytes);
            return in;
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    Optional<ObjectInfo> find(String name) throws IOException;

    /// Hands over each object whose name begins with `prefix`, in no particular order. Uploads under way are
    /// not objects. An object that appears or disappears meanwhile may be handed over or not; each other one
    /// is, once.
    ///
    /// @param prefix any text: empty for all objects, `metrics/cpu/` or `metrics/c`
    void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException;

    /// Deletes an object; none of that name is fine too.
    void delete(String name) throws IOException;

    /// Hands over what uploads left behind that were neither completed nor closed, and which takes up room without
    /// being an object; uploads under way included, of any process. A store that cleans up by itself has none.
    default void listUnfinished(Consumer<UnfinishedUpload> consumer) throws IOException {}

    /// Removes what an upload left behind; one that is gone is fine too. An upload under way fails.
    default void discard(UnfinishedUpload upload) throws IOException {}

    /// Where the objects lie, for people: `file:/var/lib/sluice/objects`.
    String describe();

    /// Lets go of connections. Objects stay.
    @Override
    default void close() throws IOException {}
}
