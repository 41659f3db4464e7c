package io.sluice.persist;

import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.parquet.FooterReader;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.NoSuchFileException;
import java.util.Optional;

/// Compares what the catalog says of a file with the object. Any thread may call any method.
public final class FileVerifier {
    private final ObjectStore store;

    /// @param store stays the caller's
    public FileVerifier(ObjectStore store) {
        this.store = store;
    }

    /// What is wrong with a file, in words; empty if it is there and has the length and the rows of its record.
    ///
    /// @throws IOException if the store does not answer: nothing is known of the file then
    public Optional<String> findProblem(FileRecord file) throws IOException {
        Optional<ObjectInfo> object = store.find(file.objectName());
        if (object.isEmpty()) {
            return Optional.of(
                    "it is missing: expected %d bytes, %d rows".formatted(file.sizeBytes(), file.rowCount()));
        }
        long sizeBytes = object.get().sizeBytes();
        if (sizeBytes != file.sizeBytes()) {
            return Optional.of("expected %d bytes, found %d".formatted(file.sizeBytes(), sizeBytes));
        }
        Reading reading = new Reading(file.objectName());
        try {
            long rows = FooterReader.rowCount(sizeBytes, reading::from);
            return rows == file.rowCount()
                    ? Optional.empty()
                    : Optional.of("expected %d rows, found %d".formatted(file.rowCount(), rows));
        } catch (IOException e) {
            if (reading.failed) {
                throw e;
            }
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /// Tells a store that does not answer from an object that is not as it should be.
    private final class Reading {
        private final String name;
        private boolean failed;

        private Reading(String name) {
            this.name = name;
        }

        byte[] from(long positionBytes) throws IOException {
            try (InputStream in = store.open(name, positionBytes)) {
                return in.readAllBytes();
            } catch (NoSuchFileException e) {
                throw new IOException("it was deleted meanwhile", e);
            } catch (IOException e) {
                failed = true;
                throw e;
            }
        }
    }
}
