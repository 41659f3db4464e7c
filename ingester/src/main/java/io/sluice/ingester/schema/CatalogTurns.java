package io.sluice.ingester.schema;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;

/// Sees that the catalog is asked about a thing by one thread at a time. Whoever comes meanwhile waits, and looks
/// whether the answer was his, too. If there was none, all who waited for it fail with it: one after the other, they
/// would wait for the same outage as often as they are many.
final class CatalogTurns<K> {
    private final ConcurrentMap<K, CompletableFuture<Void>> underWay = new ConcurrentHashMap<>();
    private final AtomicInteger waiting = new AtomicInteger();

    /// What is known without asking.
    @FunctionalInterface
    interface Known<T, E extends Exception> {
        Optional<T> find() throws E;
    }

    /// Asks the catalog.
    @FunctionalInterface
    interface Question<T, E extends Exception> {
        T ask() throws E, IOException;
    }

    /// What is known, or else the answer to a question.
    ///
    /// @throws IOException if the catalog did not answer, be it another thread that asked
    <T, E extends Exception> T take(K key, Known<T, E> known, Question<T, E> question) throws E, IOException {
        while (true) {
            Optional<T> found = known.find();
            if (found.isPresent()) {
                return found.get();
            }
            CompletableFuture<Void> mine = new CompletableFuture<>();
            CompletableFuture<Void> ahead = underWay.putIfAbsent(key, mine);
            if (ahead == null) {
                return ask(key, mine, question);
            }
            await(ahead);
        }
    }

    private <T, E extends Exception> T ask(K key, CompletableFuture<Void> mine, Question<T, E> question)
            throws E, IOException {
        Optional<IOException> failure = Optional.empty();
        try {
            return question.ask();
        } catch (IOException e) {
            failure = Optional.of(e);
            throw e;
        } finally {
            underWay.remove(key, mine); // first: whoever wakes up must not find it here again
            failure.ifPresentOrElse(mine::completeExceptionally, () -> mine.complete(null));
        }
    }

    /// How many wait for what another thread asks.
    int waiting() {
        return waiting.get();
    }

    private void await(CompletableFuture<Void> ahead) throws IOException {
        waiting.incrementAndGet();
        try {
            ahead.join();
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException(cause.getMessage(), cause);
        } finally {
            waiting.decrementAndGet();
        }
    }
}
