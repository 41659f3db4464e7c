package io.sluice.ingester.grpc;

import io.sluice.model.SequenceNumber;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/// The writes of one stream in their order, and what became of them: through which one all are written, and which is
/// the first that failed. Holds those that are not settled, and those behind them. For one thread at a time.
final class StreamProgress {
    private static final long NEVER = Long.MAX_VALUE;

    private final Deque<Entry> pending = new ArrayDeque<>();
    private long accepted;
    private long acknowledged;
    private SequenceNumber sequence = SequenceNumber.NONE;
    /// The lowest number of those known to have failed; writes before it may not be settled yet.
    private long failsAt = NEVER;
    /// The first failure, once everything before it is acknowledged.
    private Optional<Failure> failure = Optional.empty();
    /// Whether a write behind the first that failed was written, or may have been.
    private boolean isMoreInDoubt;

    /// A write of the stream.
    static final class Entry {
        private final long clientSequence;
        private Optional<Result> result = Optional.empty();

        private Entry(long clientSequence) {
            this.clientSequence = clientSequence;
        }

        /// Its place in the stream.
        long clientSequence() {
            return clientSequence;
        }
    }

    /// What became of a write.
    sealed interface Result {
        record Written(SequenceNumber sequence) implements Result {}

        record Failed(Failure failure) implements Result {}

        /// Never handed over, as one before it failed or the client is gone.
        record Dropped() implements Result {}
    }

    /// Takes up the next write.
    Entry accept() {
        accepted++;
        Entry entry = new Entry(accepted);
        pending.addLast(entry);
        return entry;
    }

    /// Notes what became of a write, once for each.
    void settle(Entry entry, Result result) {
        if (entry.result.isPresent()) {
            throw new IllegalStateException("write %d is settled already".formatted(entry.clientSequence));
        }
        entry.result = Optional.of(result);
        if (result instanceof Result.Failed) {
            failsAt = Math.min(failsAt, entry.clientSequence);
        }
        for (Entry first = pending.peek(); first != null && first.result.isPresent(); first = pending.peek()) {
            pass(first.clientSequence, first.result.get());
            pending.remove();
        }
    }

    /// Goes on behind a write all before which are settled.
    private void pass(long clientSequence, Result result) {
        switch (result) {
            case Result.Written(SequenceNumber number) -> {
                if (failure.isPresent()) {
                    isMoreInDoubt = true;
                } else {
                    acknowledged = clientSequence;
                    sequence = number;
                }
            }
            case Result.Failed(Failure cause) -> {
                if (failure.isPresent()) {
                    isMoreInDoubt |= cause.maybeDone();
                } else {
                    failure = Optional.of(cause);
                }
            }
            case Result.Dropped() -> {}
        }
    }

    /// Whether a write has failed, so that no further one is taken up.
    boolean isFailing() {
        return failsAt != NEVER;
    }

    /// Whether a write before this one has failed, so that it must not be handed over.
    boolean isBehindFailure(Entry entry) {
        return entry.clientSequence > failsAt;
    }

    /// Whether it is known what became of every write.
    boolean isSettled() {
        return pending.isEmpty();
    }

    /// All writes up to this one are written.
    long acknowledged() {
        return acknowledged;
    }

    /// The number that the last acknowledged write has in the log; NONE if there is none.
    SequenceNumber sequence() {
        return sequence;
    }

    /// Why the first write that was not written was not; empty while one before it is not settled. Complete when all
    /// are settled: then it tells, too, of doubt in those behind it.
    Optional<Failure> failure() {
        return failure.map(first -> first.withDoubt(isMoreInDoubt));
    }
}
