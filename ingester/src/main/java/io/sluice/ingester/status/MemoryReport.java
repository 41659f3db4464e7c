package io.sluice.ingester.status;

import io.sluice.ingester.ledger.Account;
import io.sluice.ingester.ledger.Ledger;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// The ledger of bytes, as `/status` tells it.
///
/// @param mark which is reached: `calm`, `persist` …
/// @param share of what may be held; from 1 on writes are refused
/// @param heldBytes of all accounts that count for the marks
/// @param rowsBytes of those, what rows take
/// @param accounts bytes of each, by its label
public record MemoryReport(
        String mark,
        double share,
        long heldBytes,
        long limitBytes,
        long rowsBytes,
        long rowsLimitBytes,
        long persistLimitBytes,
        Map<String, Long> accounts) {
    public MemoryReport {
        accounts = Collections.unmodifiableMap(new LinkedHashMap<>(accounts));
    }

    /// The ledger at one moment.
    public static MemoryReport of(Ledger.Stats stats) {
        Map<String, Long> accounts = new LinkedHashMap<>();
        new EnumMap<>(stats.heldBytes()).forEach((account, bytes) -> accounts.put(account.label(), bytes));
        long counted = stats.heldBytes().entrySet().stream()
                .filter(account -> !account.getKey().isApart())
                .mapToLong(Map.Entry::getValue)
                .sum();
        return new MemoryReport(
                stats.mark().name().toLowerCase(Locale.ROOT),
                stats.share(),
                counted,
                stats.limits().totalBytes(),
                held(stats, Account.FILLING) + held(stats, Account.FROZEN),
                stats.limits().rowsBytes(),
                stats.limits().persistBytes(),
                accounts);
    }

    private static long held(Ledger.Stats stats, Account account) {
        return stats.heldBytes().getOrDefault(account, 0L);
    }
}
