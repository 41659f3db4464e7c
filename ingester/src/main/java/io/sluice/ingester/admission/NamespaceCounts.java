package io.sluice.ingester.admission;

import io.sluice.model.NamespaceName;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/// Writes of each namespace, as long as there are any: a namespace without is forgotten. Any thread may call any
/// method.
final class NamespaceCounts {
    private final ConcurrentMap<NamespaceName, Integer> counts = new ConcurrentHashMap<>();

    /// Counts one more; false if that would be above the limit.
    boolean tryEnter(NamespaceName namespace, int limit) {
        while (true) {
            Integer now = counts.get(namespace);
            if (now == null) {
                if (counts.putIfAbsent(namespace, 1) == null) {
                    return true;
                }
            } else if (now >= limit) {
                return false;
            } else if (counts.replace(namespace, now, now + 1)) {
                return true;
            }
        }
    }

    /// Counts one less.
    void leave(NamespaceName namespace) {
        while (true) {
            Integer now = counts.get(namespace);
            if (now == null) {
                throw new IllegalStateException("no write of namespace '%s' is counted".formatted(namespace));
            }
            if (now == 1 ? counts.remove(namespace, now) : counts.replace(namespace, now, now - 1)) {
                return;
            }
        }
    }

    int count(NamespaceName namespace) {
        return counts.getOrDefault(namespace, 0);
    }

    /// Namespaces that have writes.
    int namespaces() {
        return counts.size();
    }
}
