package io.sluice.query;

import io.sluice.query.TagFilter.Verdict;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;

/// Finds the rows of a chunk that a query asks for: exactly those. A chunk whose times or dictionaries say that it has
/// none, or only such rows, is decided without a look at its rows. For one thread.
final class RowFilter {
    private final TimeRange times;
    private final List<TagFilter> tags;
    /// Where rows are gathered.
    private int[] scratch = {};

    RowFilter(QueryRequest request) {
        this.times = request.endNs() == Long.MAX_VALUE
                ? new TimeRange(request.startNs(), Long.MAX_VALUE)
                : TimeRange.between(request.startNs(), request.endNs());
        this.tags = request.predicates().stream().map(TagFilter::new).toList();
    }

    /// The times that are asked for.
    TimeRange times() {
        return times;
    }

    /// The matching rows.
    Selection select(RowBatch batch) {
        Optional<Selection> few = lookUp(batch);
        if (few.isPresent()) {
            return few.get();
        }
        record Undecided(TagFilter filter, Verdict verdict) {}
        List<Undecided> undecided = new ArrayList<>();
        for (TagFilter filter : tags) {
            Verdict verdict = filter.judge(batch);
            if (verdict.isNone()) {
                return Selection.none();
            }
            if (!verdict.isAll()) {
                undecided.add(new Undecided(filter, verdict));
            }
        }
        boolean allTimes = times.containsAll(batch.minTimeNs(), batch.maxTimeNs());
        if (allTimes && undecided.isEmpty()) {
            return new Selection.All(batch.rowCount());
        }
        if (scratch.length < batch.rowCount()) {
            scratch = new int[batch.rowCount()];
        }
        int[] rows = scratch;
        int count = allTimes ? batch.rowCount() : allInTime(batch, rows);
        boolean isWhole = allTimes;
        for (Undecided one : undecided) {
            count = isWhole
                    ? one.filter().keepOfAll(batch, one.verdict(), rows)
                    : one.filter().keep(batch, one.verdict(), rows, count);
            isWhole = false;
        }
        if (count == batch.rowCount()) {
            return new Selection.All(count);
        }
        return count == 0 ? Selection.none() : new Selection.Some(Arrays.copyOf(rows, count), count);
    }

    /// The matching rows, if they can be told without a look at other rows.
    Optional<Selection> lookUp(RowBatch batch) {
        if (batch.rowCount() == 0 || !times.overlaps(batch.minTimeNs(), batch.maxTimeNs())) {
            return Optional.of(Selection.none());
        }
        for (TagFilter filter : tags) {
            Optional<int[]> found = filter.lookUp(batch);
            if (found.isPresent()) {
                int[] rows = found.get();
                boolean allTimes = times.containsAll(batch.minTimeNs(), batch.maxTimeNs());
                int count = allTimes ? rows.length : inTime(batch, rows);
                for (TagFilter other : tags) {
                    if (other != filter) {
                        count = other.keepFew(batch, rows, count);
                    }
                }
                return Optional.of(count == 0 ? Selection.none() : new Selection.Some(rows, count));
            }
        }
        return Optional.empty();
    }

    /// Keeps those rows that are in the time range; returns how many.
    private int inTime(RowBatch batch, int[] rows) {
        int kept = 0;
        for (int row : rows) {
            if (times.contains(batch.time().get(row))) {
                rows[kept++] = row;
            }
        }
        return kept;
    }

    /// Whether the matching rows of a chunk may be few, and told without a look at others.
    boolean mayBeLookedUp() {
        return tags.stream().anyMatch(TagFilter::mayBeLookedUp);
    }

    /// Whether anything but a time is asked for.
    boolean hasPredicates() {
        return !tags.isEmpty();
    }

    /// Whether the chunk's times and dictionaries leave it possible that a row matches. Looks at no row.
    boolean mayMatch(RowBatch batch) {
        return batch.rowCount() > 0
                && times.overlaps(batch.minTimeNs(), batch.maxTimeNs())
                && tags.stream().noneMatch(filter -> filter.judge(batch).isNone());
    }

    /// Puts the rows that are in the time range into `rows`; returns how many.
    private int allInTime(RowBatch batch, int[] rows) {
        ArrowBuf data = batch.time().getDataBuffer();
        data.checkBytes(0, (long) batch.rowCount() * Long.BYTES);
        long address = data.memoryAddress();
        int count = 0;
        for (int row = 0; row < batch.rowCount(); row++) {
            if (times.contains(MemoryUtil.getLong(address + (long) row * Long.BYTES))) {
                rows[count++] = row;
            }
        }
        return count;
    }

    /// Which values of a chunk's dictionary rows that are asked for may have: those that fulfil the predicates on this
    /// tag.
    boolean[] possible(RowColumn.Tag tag) {
        boolean[] possible = new boolean[tag.dictionary().getValueCount()];
        Arrays.fill(possible, true);
        for (TagFilter filter : tags) {
            if (filter.column().equals(tag.schema().name())) {
                boolean[] wanted = filter.wanted(tag);
                for (int code = 0; code < possible.length; code++) {
                    possible[code] &= wanted[code];
                }
            }
        }
        return possible;
    }
}
