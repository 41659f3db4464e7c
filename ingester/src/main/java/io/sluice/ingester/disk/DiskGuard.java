package io.sluice.ingester.disk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.disk.DiskSpace.Space;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Refuses writes (`DISK_FULL`) before a disk is full, from the high mark on until all are below the low one. Queries
/// and persist go on: files are a fraction of the log that they free. What holds the log is persisted meanwhile
/// ([#isLogFull]), and a reserve on the log's disk is let go of, so that there is room for those files and for the
/// catalog; it is made again when the disk is below the low mark.
///
/// [#tick] is called by one thread, about ten times a second; [#check] by any thread, also each time that writes have
/// brought so many bytes.
public final class DiskGuard {
    /// The reserve is at most this part of its disk.
    private static final long RESERVE_PART = 100;

    private static final Logger LOG = LoggerFactory.getLogger(DiskGuard.class);

    private final Map<String, Path> folders;
    private final String log;
    private final DiskSpace disk;
    private final IngestState state;

    /// Held while the file systems are asked.
    private final ReentrantLock looking = new ReentrantLock();

    @GuardedBy("looking")
    private final DiskReserve reserve;

    /// What cannot be asked, or the reserve: each is told once.
    @GuardedBy("looking")
    private final Set<String> troubles = new HashSet<>();

    private volatile DiskSettings settings;
    private volatile Map<String, Space> spaces = Map.of();
    private volatile Set<String> full = Set.of();
    private volatile long reserveBytes;

    /// @param folders by what they hold; one of them is the log
    /// @param log the name of the log's
    /// @param reserve the file of the reserve, on the log's disk
    public DiskGuard(
            DiskSettings settings,
            Map<String, Path> folders,
            String log,
            Path reserve,
            DiskSpace disk,
            IngestState state,
            MeterRegistry metrics) {
        this.settings = settings;
        this.folders = new LinkedHashMap<>(folders);
        this.log = log;
        this.disk = disk;
        this.state = state;
        this.reserve = new DiskReserve(reserve);
        this.reserveBytes = this.reserve.sizeBytes();
        for (String name : folders.keySet()) {
            gauge("sluice.disk.free.bytes", "Room on the disk", name, Space::freeBytes, metrics);
            gauge("sluice.disk.used.bytes", "Taken on the disk, by whomever", name, Space::usedBytes, metrics);
            gauge("sluice.disk.used.share", "Used of the disk, as df tells it", name, Space::usedShare, metrics);
        }
        Gauge.builder("sluice.disk.reserve.bytes", () -> reserveBytes)
                .description("Held on the log's disk to be let go of when it is full")
                .baseUnit("bytes")
                .register(metrics);
    }

    private void gauge(
            String name, String description, String folder, ToDoubleFunction<Space> figure, MeterRegistry metrics) {
        Gauge.builder(name, () -> space(folder).map(figure::applyAsDouble).orElse(Double.NaN))
                .description(description)
                .tag("disk", folder)
                .register(metrics);
    }

    private Optional<Space> space(String name) {
        return Optional.ofNullable(spaces.get(name));
    }

    /// Whether the disk of the log is full, so that the log should shrink.
    public boolean isLogFull() {
        return full.contains(log);
    }

    /// A look, and what follows from it for the reserve.
    public void tick() {
        check();
        looking.lock();
        try {
            keepReserve();
        } finally {
            looking.unlock();
        }
    }

    /// One look, unless somebody is at it.
    public void check() {
        if (!looking.tryLock()) {
            return;
        }
        try {
            look();
        } finally {
            looking.unlock();
        }
    }

    @GuardedBy("looking")
    private void look() {
        Map<String, Space> seen = new LinkedHashMap<>();
        Set<String> nowFull = new HashSet<>();
        for (Map.Entry<String, Path> folder : folders.entrySet()) {
            String name = folder.getKey();
            try {
                Space space = disk.of(folder.getValue());
                seen.put(name, space);
                boolean wasFull = full.contains(name);
                if ((wasFull ? settings.low() : settings.high()).isReached(space)) {
                    nowFull.add(name);
                }
                troubles.remove(name);
            } catch (IOException e) {
                if (full.contains(name)) {
                    nowFull.add(name); // as far as anybody knows
                }
                if (troubles.add(name)) {
                    LOG.warn("nobody can tell how full the disk of {} is, {}", name, folder.getValue(), e);
                }
            }
        }
        spaces = seen;
        full = Set.copyOf(nowFull);
        if (nowFull.isEmpty()) {
            boolean _ = state.clear(Reason.DISK_FULL);
        } else {
            boolean _ = state.set(Reason.DISK_FULL, this::inWords);
            releaseReserve();
        }
    }

    @GuardedBy("looking")
    private void releaseReserve() {
        if (reserve.sizeBytes() == 0 || !isReserveOnFullDisk()) {
            return;
        }
        try {
            LOG.info("let go of a reserve of {} bytes on the disk of the log", reserve.release());
            reserveBytes = 0;
        } catch (IOException e) {
            if (troubles.add("reserve")) {
                LOG.warn("the reserve on the disk of the log cannot be let go of", e);
            }
        }
    }

    /// The log's disk may hold objects, too, under whose name it is full.
    private boolean isReserveOnFullDisk() {
        Optional<Space> ofLog = space(log);
        return isLogFull()
                || full.stream()
                        .anyMatch(name -> ofLog.isPresent()
                                && space(name)
                                        .map(space -> space.fileSystem()
                                                .equals(ofLog.get().fileSystem()))
                                        .orElse(false));
    }

    /// Makes it anew bit by bit, as long as the disk stays below the low mark with it.
    @GuardedBy("looking")
    private void keepReserve() {
        DiskSettings now = settings;
        Optional<Space> ofLog = space(log);
        if (!full.isEmpty() || ofLog.isEmpty()) {
            return;
        }
        Space space = ofLog.get();
        long diskBytes = space.usedBytes() + space.freeBytes();
        long wanted = Math.min(now.reserveBytes(), diskBytes / RESERVE_PART);
        try {
            if (reserve.sizeBytes() > wanted) {
                var _ = reserve.release();
            }
            long missing = wanted - reserve.sizeBytes();
            Space with = new Space(space.fileSystem(), space.usedBytes() + missing, space.freeBytes() - missing);
            if (missing > 0 && space.freeBytes() > missing && !now.low().isReached(with)) {
                reserve.grow(wanted);
            }
            troubles.remove("reserve");
        } catch (IOException e) {
            if (troubles.add("reserve")) {
                LOG.warn("the reserve on the disk of the log cannot be made", e);
            }
        }
        reserveBytes = reserve.sizeBytes();
    }

    /// Sets other marks; they hold from the next look on.
    public void reconfigure(DiskSettings newSettings) {
        settings = newSettings;
    }

    /// The disks that are full, how full they are and what the marks are; in words.
    public String inWords() {
        DiskSettings now = settings;
        List<String> words = new ArrayList<>();
        spaces.forEach((name, space) -> {
            if (full.isEmpty() || full.contains(name)) {
                words.add("the disk of the %s, %s, is used to %.1f %%, %d bytes are free"
                        .formatted(name, folders.get(name), space.usedShare() * 100, space.freeBytes()));
            }
        });
        return "%s (--disk-high %s, --disk-low %s)".formatted(String.join("; ", words), now.high(), now.low());
    }

    /// What is known of the disks.
    public Stats stats() {
        return new Stats(settings, spaces, full, reserveBytes);
    }

    /// The disks at the last look.
    ///
    /// @param spaces by what lies there; one that nobody can tell of is missing
    /// @param full those on which writes wait for room
    /// @param reserveBytes held on the log's disk
    public record Stats(DiskSettings settings, Map<String, Space> spaces, Set<String> full, long reserveBytes) {
        public Stats {
            spaces = Map.copyOf(spaces);
            full = Set.copyOf(full);
        }
    }
}
