package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/// Whether the segments in a folder are of one log: somebody may have put those of another beside them, or of a copy of
/// this one that was written to as well. Numbers alone do not tell, as a copy gives the same ones out. For one thread.
final class SegmentChain {
    private static final UUID NOBODY = new UUID(0, 0);

    /// Under whose name the log's numbers are given; nobody's as long as it is not known.
    private UUID owner;
    /// That of the segment before; empty if there is none whose header could be read.
    private Optional<SegmentHeader> before = Optional.empty();
    /// Links of the segments that were none of this log: those behind them are none either.
    private final Set<Integer> strangers = new HashSet<>();

    /// @param owner the log's; empty to take it from the first segment that tells
    SegmentChain(Optional<UUID> owner) {
        this.owner = owner.orElse(NOBODY);
    }

    /// Why a segment is none of this log; empty if it is one, or if nothing says that it is not. A segment that is
    /// missing before it is no reason: that is a gap.
    ///
    /// @param lastSequence the last number of the segments before
    Optional<String> whyNot(SegmentHeader header, long lastSequence) {
        if (!isOwned(header)) {
            return Optional.of(
                    "owner: expected %s, found %s: it is of another ingester's log".formatted(owner, header.owner()));
        }
        if (strangers.contains(header.behind())) {
            return Optional.of("behind: one that is none of this log; it is of a copy of this log, too");
        }
        if (before.isEmpty()
                || before.get().behind() == SegmentFormat.REPAIRED
                || header.behind() == SegmentFormat.REPAIRED) {
            return Optional.empty();
        }
        int expected = SegmentFormat.link(before.get());
        boolean isBehind = header.firstSequence() > lastSequence + 1
                ? header.behind() == expected || header.firstNeeded() <= lastSequence + 1
                : header.behind() == SegmentFormat.UNLINKED
                        ? header.firstSequence() == lastSequence + 1
                        : header.behind() == expected;
        return isBehind
                ? Optional.empty()
                : Optional.of(
                        "first sequence %d, where %d comes next; behind: expected segment %d with %08x, found %08x: it is of a copy of this log that was written to as well"
                                .formatted(
                                        header.firstSequence(),
                                        lastSequence + 1,
                                        before.get().segmentId(),
                                        expected,
                                        header.behind()));
    }

    private boolean isOwned(SegmentHeader header) {
        return header.owner().equals(NOBODY)
                || owner.equals(NOBODY)
                || header.owner().equals(owner);
    }

    /// Whether a segment says that it comes right behind the one before, or does not say anything. Stricter than
    /// [#whyNot]: for those who believe what else its header says of the whole log.
    boolean isNext(SegmentHeader header) {
        return isOwned(header)
                && (before.isEmpty()
                        || before.get().behind() == SegmentFormat.REPAIRED
                        || header.behind() == SegmentFormat.REPAIRED
                        || header.behind() == SegmentFormat.UNLINKED
                        || header.behind() == SegmentFormat.link(before.get()));
    }

    /// A segment is the log's next.
    void add(SegmentHeader header) {
        before = Optional.of(header);
        if (owner.equals(NOBODY)) {
            owner = header.owner();
        }
    }

    /// A segment is none of this log.
    void addStranger(SegmentHeader header) {
        strangers.add(SegmentFormat.link(header));
    }

    /// The log's next segment has no header that can be read.
    void addUnreadable() {
        before = Optional.empty();
    }

    /// What the segment that comes next has to say of the one before it.
    int link() {
        return before.map(SegmentFormat::link).orElse(SegmentFormat.UNLINKED);
    }
}
