package io.sluice.ingester.status;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Whether the disk keeps the log waiting for longer than it may. Nothing ends such a wait but the disk itself, and
/// nobody can tell whether it will: writes go on queueing until their budget is full, and are then refused as usual.
///
/// One thread observes; any thread asks.
public final class LogStall {
    private static final Logger LOG = LoggerFactory.getLogger(LogStall.class);

    private final Path directory;
    private final Supplier<Duration> limit;
    private final Supplier<Duration> waiting;
    /// The longest that was seen of the stall under way; zero if there is none.
    private Duration longest = Duration.ZERO;

    /// @param directory the log's
    /// @param limit from which on it is a stall; asked at each look
    /// @param waiting how long the log has been waiting for the disk; zero if it is not
    public LogStall(Path directory, Supplier<Duration> limit, Supplier<Duration> waiting) {
        this.directory = directory;
        this.limit = limit;
        this.waiting = waiting;
    }

    /// What to tell those who ask whether the server is ready; empty if the log is not stalled at this moment.
    public Optional<String> reason() {
        Duration waitedFor = waiting.get();
        return isStall(waitedFor) ? Optional.of(describe(waitedFor)) : Optional.empty();
    }

    private boolean isStall(Duration waitedFor) {
        return waitedFor.compareTo(limit.get()) >= 0;
    }

    private String describe(Duration waitedFor) {
        return "the log's write to the disk of %s has taken %d s; the limit is %s s (--wal-stall-timeout)"
                .formatted(
                        directory,
                        waitedFor.toSeconds(),
                        BigDecimal.valueOf(limit.get().toMillis(), 3)
                                .stripTrailingZeros()
                                .toPlainString());
    }

    /// Looks, and logs a stall's begin and its end, once each. To be called every moment.
    ///
    /// @return whether the log is stalled
    public boolean observe() {
        Duration waitedFor = waiting.get();
        boolean isStall = isStall(waitedFor);
        boolean wasStall = longest.isPositive();
        if (isStall && !wasStall) {
            LOG.warn("{}; the server is not ready until it ends", describe(waitedFor));
        } else if (!isStall && wasStall) {
            LOG.info("the log's write to the disk of {} has ended after {} s at least", directory, longest.toSeconds());
        }
        longest = !isStall ? Duration.ZERO : waitedFor.compareTo(longest) > 0 ? waitedFor : longest;
        return isStall;
    }
}
