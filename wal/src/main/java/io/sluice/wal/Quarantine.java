package io.sluice.wal;

import io.sluice.wal.QuarantineFolder.Loss;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes into the folder for copies of what could not be read, and beside each a record of what was lost with it: its
/// name says how much, its content says why. A record is on disk before the damage is repaired, so that a start which
/// is cut short finds the damage again and writes the same record. For one thread, once.
final class Quarantine {
    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);
    /// How many stretches are copied in one start. Those behind them share one record and have no copy, so that a log
    /// which is damaged all over does not become a million files.
    private static final int MAX_COPIES = 1_000;

    private final Disk disk;
    private final Path directory;
    private final int maxCopies;
    private int copies;
    /// The one of the stretches that were not copied.
    private Optional<Path> further = Optional.empty();

    private Loss furtherLoss = Loss.NONE;

    /// @param directory the log's
    Quarantine(Disk disk, Path directory) {
        this(disk, directory, MAX_COPIES);
    }

    Quarantine(Disk disk, Path directory, int maxCopies) {
        this.disk = disk;
        this.directory = directory;
        this.maxCopies = maxCopies;
    }

    /// Keeps a copy of a stretch with which nothing was lost, on disk when this returns.
    void copy(Path file, long position, long lengthBytes) throws IOException {
        copies++;
        if (copies > maxCopies) {
            LOG.error("{} copies were made already: none is made of {} at {}", maxCopies, file, position);
            return;
        }
        Path folder = folder();
        Path copy = folder.resolve(QuarantineFolder.stretchName(file, position));
        disk.copy(file, position, lengthBytes, copy);
        disk.syncFolder(folder);
        LOG.error("a copy of the damaged bytes is in {}", copy);
    }

    /// Keeps a copy of a damaged stretch and a record of the loss, on disk when this returns.
    ///
    /// @param lostEntries those that were in the stretch
    void damage(WalProblem problem, long lostEntries) throws IOException {
        copy(problem.file(), problem.position(), problem.lengthBytes());
        Loss loss = new Loss(lostEntries, problem.lengthBytes());
        if (copies <= maxCopies) {
            record(QuarantineFolder.lossName(problem.file(), problem.position(), loss), problem.describe());
            return;
        }
        furtherLoss = furtherLoss.plus(loss);
        Optional<Path> old = further;
        Path made = record(
                QuarantineFolder.furtherLossName(problem.file(), problem.position(), furtherLoss),
                "damage of which no copy was made, the last of it: " + problem.describe());
        further = Optional.of(made);
        if (old.isPresent()) {
            disk.delete(old.get());
        }
    }

    /// Moves a whole segment here, with a record of what it holds; both are on disk when this returns. Cut short before
    /// that, the segment is where it was.
    ///
    /// @param lostEntries those that are in it
    /// @return where it is now
    Path move(WalProblem problem, long lostEntries) throws IOException {
        Path folder = folder();
        long number = 0;
        while (Files.exists(folder.resolve(QuarantineFolder.stretchName(problem.file(), number)))) {
            number++; // another one of the same name, at an earlier start
        }
        Loss loss = new Loss(lostEntries, problem.lengthBytes());
        record(QuarantineFolder.movedName(problem.file(), number, loss), problem.describe());
        Path moved = folder.resolve(QuarantineFolder.stretchName(problem.file(), number));
        disk.rename(problem.file(), moved);
        disk.syncFolder(folder);
        disk.syncFolder(directory);
        return moved;
    }

    /// Keeps a record of entries that are missing between two segments, on disk when this returns.
    void gap(WalProblem problem, long firstLost, long lastLost) throws IOException {
        record(QuarantineFolder.gapName(firstLost, lastLost), problem.describe());
    }

    private Path record(String name, String text) throws IOException {
        Path folder = folder();
        Path file = folder.resolve(name);
        disk.create(file, (text + System.lineSeparator()).getBytes(StandardCharsets.UTF_8));
        disk.syncFolder(folder);
        return file;
    }

    private Path folder() throws IOException {
        Path folder = directory.resolve(SegmentDirectory.QUARANTINE);
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            disk.syncFolder(directory);
        }
        return folder;
    }
}
