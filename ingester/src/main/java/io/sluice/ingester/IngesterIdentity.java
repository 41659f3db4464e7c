package io.sluice.ingester;

import io.sluice.model.IngesterId;
import io.sluice.persist.store.Folders;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The ingester's id, in a file of the log's folder: whoever has the log has the id under which its entries are
/// numbered.
final class IngesterIdentity {
    private static final Logger LOG = LoggerFactory.getLogger(IngesterIdentity.class);
    private static final String FILE = "ingester.id";

    private final Path directory;
    private final LogOwner log;

    /// What the log's segments know.
    @FunctionalInterface
    interface LogOwner {
        Optional<UUID> owner() throws IOException;
    }

    /// @param directory the log's folder, which this process has taken
    /// @param log tells under whose name its numbers are given
    IngesterIdentity(Path directory, LogOwner log) {
        this.directory = directory;
        this.log = log;
    }

    /// The id in the folder; if there is none, or the file is damaged, the one that the log's segments tell; if they
    /// tell none, a new one.
    IngesterId loadOrCreate() throws IOException {
        Path file = directory.resolve(FILE);
        Optional<IngesterId> found = Optional.empty();
        if (Files.exists(file)) {
            if (!Files.isRegularFile(file)) {
                throw new IOException("%s: expected a file with an id, found something else".formatted(file));
            }
            try {
                found = Optional.of(IngesterId.parse(Files.readString(file).strip()));
            } catch (IllegalArgumentException | CharacterCodingException e) {
                LOG.error("{} holds no id: expected a UUID", file, e);
            }
        }
        if (found.isPresent()) {
            return found.get();
        }
        Optional<IngesterId> owner = log.owner().map(IngesterId::new);
        if (owner.isEmpty()) {
            return create();
        }
        LOG.warn("{} is missing or damaged: the log's segments tell the id {}", file, owner.get());
        return put(owner.get());
    }

    /// Makes a new id and puts it into the folder, durably.
    IngesterId create() throws IOException {
        return put(new IngesterId(UUID.randomUUID()));
    }

    private IngesterId put(IngesterId id) throws IOException {
        Path temporary = directory.resolve(FILE + ".tmp");
        Files.writeString(temporary, id + "\n", StandardCharsets.US_ASCII);
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(temporary, directory.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
        Folders.sync(directory);
        return id;
    }
}
