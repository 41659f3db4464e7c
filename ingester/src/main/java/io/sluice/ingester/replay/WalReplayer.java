package io.sluice.ingester.replay;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.write.WritePreparer;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.EntryHandler;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.Wal;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.apache.arrow.memory.OutOfMemoryException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Applies the log's writes to the buffer, in order, by the code of a live write but without the log. What is in files
/// already is skipped, so that however often a process crashes, no row comes twice. Used by one thread, once.
///
/// A write that does not apply is a bug, as all were checked before they were logged: it is set aside in the log's
/// quarantine folder, counted and reported, and the start goes on. A write that finds no memory, or a catalog that does
/// not answer, is nothing of the kind: it ends the replay, and stays in the log.
public final class WalReplayer {
    private static final Logger LOG = LoggerFactory.getLogger(WalReplayer.class);

    private final Path quarantine;
    private final WritePreparer preparer;
    private final BufferTree buffer;
    private final StableWatermark stable;
    private final MemoryRoom room;
    private final Counter writes;
    private final Counter rows;
    private final Counter quarantined;

    /// Where replay waits when the buffer is full, until persist has made room: the limits hold as in steady state.
    @FunctionalInterface
    public interface MemoryRoom {
        /// Returns once there is room for more rows.
        ///
        /// @throws IOException if there never will be, because persist has ended
        void await() throws IOException, InterruptedException;
    }

    /// @param quarantine folder for writes that do not apply; created when needed
    public WalReplayer(
            Path quarantine,
            WritePreparer preparer,
            BufferTree buffer,
            StableWatermark stable,
            MemoryRoom room,
            MeterRegistry metrics) {
        this.quarantine = quarantine;
        this.preparer = preparer;
        this.buffer = buffer;
        this.stable = stable;
        this.room = room;
        this.writes = counter(metrics, "sluice.replay.writes", "Writes applied from the log at start");
        this.rows = counter(metrics, "sluice.replay.rows", "Rows applied from the log at start");
        this.quarantined = counter(
                metrics, "sluice.replay.quarantined", "Writes of the log that did not apply and were set aside");
    }

    private static Counter counter(MeterRegistry metrics, String name, String description) {
        return Counter.builder(name).description(description).register(metrics);
    }

    /// Replays the whole log.
    ///
    /// @throws IOException if the log cannot be read, the catalog cannot answer, there is no memory for a
    ///     write, or one cannot be set aside
    public ReplayReport replay(Wal wal) throws IOException, InterruptedException {
        EntryHandler handler = this::apply;
        return wal.replay(handler);
    }

    private void apply(SequenceNumber sequence, byte[] payload) throws IOException, InterruptedException {
        room.await();
        try {
            WriteOperation operation = preparer.prepare(payload);
            operation.assign(sequence);
            long rowCount = operation.rowCount();
            var _ = buffer.apply(operation);
            writes.increment();
            rows.increment((double) rowCount);
        } catch (OutOfMemoryException e) {
            // Acknowledged, and nothing is wrong with it: set aside, it would be lost to all queries.
            throw new IOException(
                    "no memory to replay write %s of the log, %d bytes: %s"
                            .formatted(sequence, payload.length, e.getMessage()),
                    e);
        } catch (InvalidWriteException | SchemaConflictException | RuntimeException e) {
            setAside(sequence, payload, e);
        }
        stable.publish(sequence);
    }

    private void setAside(SequenceNumber sequence, byte[] payload, Exception cause) throws IOException {
        Files.createDirectories(quarantine);
        Path file = quarantine.resolve("write-%020d.bin".formatted(sequence.value()));
        Path temporary = quarantine.resolve("write-%020d.tmp".formatted(sequence.value()));
        Files.write(temporary, payload);
        sync(temporary, StandardOpenOption.WRITE);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        // The name too: from here on the log may delete the segment.
        sync(quarantine, StandardOpenOption.READ);
        quarantined.increment();
        LOG.error("write {} of the log does not apply; it was set aside in {}", sequence, file, cause);
    }

    private static void sync(Path path, StandardOpenOption mode) throws IOException {
        try (FileChannel channel = FileChannel.open(path, mode)) {
            channel.force(true);
        }
    }
}
