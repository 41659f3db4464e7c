package io.sluice.ingester.schema;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;

/// Answers that hold for a moment: what the catalog did not have, or would not make. Bounded; what is above the bound
/// is not remembered. Any thread may call any method.
final class RecentAnswers<K, A> {
    private static final int MAX_ANSWERS = 10_000;

    private final long memoryNanos;
    private final LongSupplier nanoTime;
    private final ConcurrentMap<K, Entry<A>> answers = new ConcurrentHashMap<>();

    private record Entry<A>(A answer, long sinceNanos) {}

    /// @param memory how long an answer holds; zero: not at all
    /// @param nanoTime nanoseconds from any beginning
    RecentAnswers(Duration memory, LongSupplier nanoTime) {
        this.memoryNanos = memory.toNanos();
        this.nanoTime = nanoTime;
    }

    private boolean isOver(Entry<A> entry, long nowNanos) {
        return nowNanos - entry.sinceNanos >= memoryNanos;
    }

    Optional<A> find(K key) {
        Entry<A> entry = answers.get(key);
        if (entry == null) {
            return Optional.empty();
        }
        if (isOver(entry, nanoTime.getAsLong())) {
            answers.remove(key, entry);
            return Optional.empty();
        }
        return Optional.of(entry.answer);
    }

    void remember(K key, A answer) {
        long nowNanos = nanoTime.getAsLong();
        if (answers.size() >= MAX_ANSWERS) {
            answers.values().removeIf(entry -> isOver(entry, nowNanos));
        }
        if (memoryNanos > 0 && answers.size() < MAX_ANSWERS) {
            answers.put(key, new Entry<>(answer, nowNanos));
        }
    }

    void forget(K key) {
        answers.remove(key);
    }
}
