package io.sluice.ingester.ledger;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/// The one account of the bytes that the server holds. It counts nothing itself: each [Account] is asked when somebody
/// looks, so that a write pays nothing for it. Any thread may call any method.
///
/// | mark     | reached at | left below | what follows (`MemoryMarks`)                                  |
/// |----------|------------|------------|---------------------------------------------------------------|
/// | PERSIST  | 70 %       | 70 %       | the largest partitions are persisted                          |
/// | PRESS    | 85 %       | 80 %       | more of them, and at half the age; streams are slowed down    |
/// | FULL     | 100 %      | 90 %       | writes are refused, replay waits                              |
///
/// The share that counts is the greater of two: of all bytes in the limit of all, and of rows in the limit of rows.
public final class Ledger {
    /// Share from which on the largest partitions are persisted.
    public static final double PERSIST_SHARE = 0.7;
    /// Share from which on streams are slowed down.
    public static final double PRESS_SHARE = 0.85;
    /// Share below which they are not any more.
    public static final double CALMER_SHARE = 0.8;
    /// Share from which on writes are refused.
    public static final double FULL_SHARE = 1.0;
    /// Share below which writes are taken again.
    public static final double TAKE_SHARE = 0.9;

    private final Map<Account, LongSupplier> accounts;
    private final AtomicReference<LedgerLimits> limits;
    private final AtomicReference<Mark> mark = new AtomicReference<>(Mark.CALM);

    /// @param accounts what each holds, bytes; asked by any thread, and quick. One that is missing holds
    ///     nothing
    public Ledger(LedgerLimits limits, Map<Account, LongSupplier> accounts, MeterRegistry metrics) {
        this.limits = new AtomicReference<>(limits);
        this.accounts = new EnumMap<>(Account.class);
        for (Account account : Account.values()) {
            LongSupplier held = accounts.getOrDefault(account, () -> 0);
            this.accounts.put(account, held);
            Gauge.builder("sluice.memory.bytes", held::getAsLong)
                    .description("Memory that is held, by who holds it")
                    .baseUnit("bytes")
                    .tag("account", account.label())
                    .register(metrics);
        }
        limitGauge("total", () -> limits().totalBytes(), metrics);
        limitGauge("rows", () -> limits().rowsBytes(), metrics);
        limitGauge("persisting", () -> limits().persistBytes(), metrics);
        Gauge.builder("sluice.memory.share", this::share)
                .description("Memory held, as a share of its limit; from 1 on writes are refused")
                .register(metrics);
        for (Mark each : Mark.values()) {
            Gauge.builder("sluice.memory.mark", () -> mark() == each ? 1 : 0)
                    .description("1 for the mark that the memory held has reached")
                    .tag("mark", each.name())
                    .register(metrics);
        }
    }

    private static void limitGauge(String of, LongSupplier limit, MeterRegistry metrics) {
        Gauge.builder("sluice.memory.limit.bytes", limit::getAsLong)
                .description("Memory that may be held")
                .baseUnit("bytes")
                .tag("of", of)
                .register(metrics);
    }

    /// What an account holds now, bytes.
    public long heldBytes(Account account) {
        return accounts.getOrDefault(account, () -> 0).getAsLong();
    }

    /// What all accounts hold that count for the marks, bytes.
    public long heldBytes() {
        long sum = 0;
        for (Map.Entry<Account, LongSupplier> account : accounts.entrySet()) {
            if (!account.getKey().isApart()) {
                sum += account.getValue().getAsLong();
            }
        }
        return sum;
    }

    /// What rows hold, filling and frozen, bytes.
    public long rowsBytes() {
        return heldBytes(Account.FILLING) + heldBytes(Account.FROZEN);
    }

    /// What rows may hold as long as all others hold what they do, bytes; not negative.
    public long rowsRoomBytes() {
        LedgerLimits now = limits();
        return Math.clamp(now.totalBytes() - (heldBytes() - rowsBytes()), 0, now.rowsBytes());
    }

    /// What is held as a share of its limit; more than 1 if it is above.
    public double share() {
        LedgerLimits now = limits();
        return Math.max((double) heldBytes() / now.totalBytes(), (double) rowsBytes() / now.rowsBytes());
    }

    /// Looks at all accounts, and says which mark is reached; remembers it, as a mark is left later than it is reached.
    public Mark observe() {
        double share = share();
        return mark.updateAndGet(before -> next(before, share));
    }

    private static Mark next(Mark before, double share) {
        if (share >= FULL_SHARE || (before == Mark.FULL && share >= TAKE_SHARE)) {
            return Mark.FULL;
        }
        if (share >= PRESS_SHARE || (before.isAtLeast(Mark.PRESS) && share >= CALMER_SHARE)) {
            return Mark.PRESS;
        }
        return share >= PERSIST_SHARE ? Mark.PERSIST : Mark.CALM;
    }

    /// The mark when somebody last looked.
    public Mark mark() {
        return mark.get();
    }

    public LedgerLimits limits() {
        return limits.get();
    }

    /// Sets other limits. They hold from the next look on; nothing is taken back from who holds too much.
    public void reconfigure(LedgerLimits newLimits) {
        limits.set(newLimits);
    }

    /// All accounts at about one moment.
    public Stats stats() {
        Map<Account, Long> held = new EnumMap<>(Account.class);
        accounts.forEach((account, bytes) -> held.put(account, bytes.getAsLong()));
        return new Stats(limits(), mark(), share(), held);
    }

    /// The ledger at one moment.
    ///
    /// @param share of what may be held; from 1 on writes are refused
    /// @param heldBytes of each account
    public record Stats(LedgerLimits limits, Mark mark, double share, Map<Account, Long> heldBytes) {
        public Stats {
            heldBytes = Collections.unmodifiableMap(new EnumMap<>(heldBytes));
        }

        /// The limit that is nearest, and who holds most, in words.
        public String inWords() {
            long rows = heldBytes.getOrDefault(Account.FILLING, 0L) + heldBytes.getOrDefault(Account.FROZEN, 0L);
            long total = 0;
            for (Map.Entry<Account, Long> account : heldBytes.entrySet()) {
                total += account.getKey().isApart() ? 0 : account.getValue();
            }
            boolean isRows = (double) rows / limits.rowsBytes() >= (double) total / limits.totalBytes();
            StringBuilder words = new StringBuilder();
            words.append(
                    isRows
                            ? "rows hold %d bytes of %d (--buffer-bytes)".formatted(rows, limits.rowsBytes())
                            : "%d bytes of %d are held (--memory)".formatted(total, limits.totalBytes()));
            String separator = ": ";
            for (Map.Entry<Account, Long> account : heldBytes.entrySet()) {
                if (account.getValue() > 0) {
                    words.append(separator)
                            .append(account.getKey().label())
                            .append(' ')
                            .append(account.getValue());
                    separator = ", ";
                }
            }
            return words.toString();
        }
    }
}
