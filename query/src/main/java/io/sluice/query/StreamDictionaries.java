package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/// The dictionaries of a stream's tags, gathered from the chunks whose rows it may show. A tag that turns out to have
/// too many values gets none: it is plain in this stream. For one thread.
final class StreamDictionaries implements AutoCloseable {
    /// A smaller dictionary of a chunk is taken into the stream's as it is; of a larger one, only what matching rows
    /// have.
    private static final int SMALL_DICTIONARY = 1_024;

    private final List<ColumnSchema> columns;
    private final RowFilter filter;
    private final TreeMap<Integer, StreamDictionary> byPlace = new TreeMap<>();
    private final TreeSet<Integer> plain = new TreeSet<>();

    StreamDictionaries(
            List<ColumnSchema> columns, RowFilter filter, DictionaryBounds bounds, BufferAllocator allocator) {
        this.columns = columns;
        this.filter = filter;
        for (int place = 0; place < columns.size(); place++) {
            ColumnSchema column = columns.get(place);
            if (column.kind() == ColumnKind.TAG) {
                byPlace.put(
                        place,
                        new StreamDictionary(
                                WireSchema.encoding(place), column.name().value(), bounds, allocator));
            }
        }
    }

    /// By the place of their columns; a tag that is plain has none.
    Map<Integer, StreamDictionary> byPlace() {
        return byPlace;
    }

    /// The places of the tags that are plain.
    Set<Integer> plain() {
        return plain;
    }

    /// Adds the values that rows of a chunk may have which are asked for. To be called before [#seal].
    void gather(RowBatch chunk) {
        Optional<Selection> few = filter.lookUp(chunk);
        if (few.isPresent() ? few.get().count() == 0 : !filter.mayMatch(chunk)) {
            return;
        }
        Optional<Selection> selection = few;
        for (Iterator<Integer> places = byPlace.navigableKeySet().iterator(); places.hasNext(); ) {
            Integer place = places.next();
            StreamDictionary into = Objects.requireNonNull(byPlace.get(place));
            if (chunk.find(columns.get(place).name()).orElse(null) instanceof RowColumn.Tag tag) {
                if (few.isPresent()) {
                    into.gather(tag, few.get());
                } else if (!filter.hasPredicates()) {
                    into.gatherAll(tag, chunk.rowCount());
                } else {
                    selection = gather(chunk, tag, into, selection);
                }
            }
            if (into.isTooLarge()) {
                into.close();
                places.remove();
                plain.add(place);
            }
        }
    }

    /// Adds the values of a chunk's tag that rows may have which are asked for. Returns the selected rows, if somebody
    /// had to look at them.
    private Optional<Selection> gather(
            RowBatch chunk, RowColumn.Tag tag, StreamDictionary into, Optional<Selection> selected) {
        boolean[] wanted = filter.possible(tag);
        if (count(wanted) <= SMALL_DICTIONARY) {
            into.gather(tag, wanted, chunk.rowCount());
            return selected;
        }
        Selection rows = selected.isPresent() ? selected.get() : filter.select(chunk);
        if (rows instanceof Selection.Some) {
            into.gather(tag, rows);
        } else {
            into.gather(tag, wanted, chunk.rowCount());
        }
        return Optional.of(rows);
    }

    private static int count(boolean[] wanted) {
        int count = 0;
        for (boolean one : wanted) {
            count += one ? 1 : 0;
        }
        return count;
    }

    /// Nothing is added from now on. Returns the dictionaries, which live until this is closed.
    DictionaryProvider seal() {
        DictionaryProvider.MapDictionaryProvider provider = new DictionaryProvider.MapDictionaryProvider();
        for (StreamDictionary dictionary : byPlace.values()) {
            dictionary.seal();
            provider.put(dictionary.dictionary());
        }
        return provider;
    }

    @Override
    public void close() {
        byPlace.values().forEach(StreamDictionary::close);
    }
}
