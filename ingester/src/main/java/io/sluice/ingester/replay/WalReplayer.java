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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Applies the log's writes to the buffer, in order, by the code of a live write but without the log. What is in files
/// already is skipped, so that however often a process crashes, no row comes twice. Used by one thread, once.
///
/// A write that does not apply is a bug, as all were checked before they were logged: it is set aside in the log's
/// quarantine folder, counted and reported, and the start goes on.
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
    /// @throws IOException if the log cannot be read, or the catalog cannot answer
    public ReplayReport replay(Wal wal) throws IOException, InterruptedException {
        EntryHandler handler = this::apply;
        return wal.replay(handler);
    }

    private void apply(SequenceNumber sequence, byte[] payload) throws IOException, InterruptedException {
        room.await();
        WriteOperation operation;
        try {
            operation = preparer.prepare(payload);
        } catch (InvalidWriteException | SchemaConflictException e) {
            setAside(sequence, payload, e);
            return;
        }
        operation.assign(sequence);
        long rowCount = operation.rowCount();
        try {
            buffer.apply(operation);
        } catch (RuntimeException e) {
            setAside(sequence, payload, e);
            return;
        }
        stable.publish(sequence);
        writes.increment();
        rows.increment((double) rowCount);
    }

    private void setAside(SequenceNumber sequence, byte[] payload, Exception cause) throws IOException {
        Files.createDirectories(quarantine);
        Path file = quarantine.resolve("write-%020d.bin".formatted(sequence.value()));
        Path temporary = quarantine.resolve("write-%020d.tmp".formatted(sequence.value()));
        Files.write(temporary, payload);
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        quarantined.increment();
        LOG.error("write {} of the log does not apply; it was set aside in {}", sequence, file, cause);
        stable.publish(sequence);
    }
}
