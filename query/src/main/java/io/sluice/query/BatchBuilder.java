package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/// Puts rows of a partition's chunks, which may have different columns and dictionaries, into batches of one schema:
/// large chunks that are wanted whole by references to their memory, all else copied side by side.
///
/// For one thread.
final class BatchBuilder implements AutoCloseable {
    /// So many rows of small chunks are put between large ones in a batch that is not copied.
    private static final int MAX_SMALL_PARTS = 64;

    private final List<OutColumn> columns = new ArrayList<>();
    private final List<OutColumn> texts = new ArrayList<>();
    private final Map<Integer, StreamDictionary> dictionaries;
    private final VectorSchemaRoot root;
    private final BatchLimits limits;
    /// Of a row, without its text.
    private final int fixedBytes;

    private final Scratch scratch;
    /// Where each column stood in the chunk before.
    private final int[] numbers;

    private Mode mode = Mode.EMPTY;
    private int rowCount;
    private long bytes;
    /// Of a batch that stands on chunks' memory.
    private List<ColumnPieces> pieces = List.of();

    /// Shares of the chunks on whose memory the batch stands, and the last of those chunks.
    private final List<RowBatch> held = new ArrayList<>();

    private Optional<RowBatch> lastHeld = Optional.empty();
    private int smallParts;

    /// How the batch under way is made.
    private enum Mode {
        /// It has no rows yet.
        EMPTY,
        /// Rows are copied side by side.
        COPIES,
        /// Rows are sent from the memory of their chunks.
        REFERS
    }

    /// Takes no memory yet.
    ///
    /// @param dictionaries of the tags; those that are plain stay so
    /// @param allocator of what is not sent as it is
    BatchBuilder(
            List<ColumnSchema> schemas,
            StreamDictionaries dictionaries,
            BatchLimits limits,
            BufferAllocator allocator) {
        this.dictionaries = dictionaries.byPlace();
        this.root = VectorSchemaRoot.create(WireSchema.memory(schemas, dictionaries.plain()), allocator);
        this.limits = limits;
        this.scratch = new Scratch(allocator);
        int rowBytes = 1; // booleans and nulls take bits
        for (int place = 0; place < schemas.size(); place++) {
            FieldVector vector = root.getVector(place);
            var name = schemas.get(place).name();
            switch (vector) {
                case IntVector codes -> {
                    columns.add(new OutColumn.Codes(name, codes));
                    rowBytes += Integer.BYTES;
                }
                case BitVector bits -> columns.add(new OutColumn.Bits(name, bits));
                case VarCharVector text -> {
                    columns.add(
                            schemas.get(place).kind() == ColumnKind.TAG
                                    ? new OutColumn.PlainTag(name, text)
                                    : new OutColumn.Text(name, text));
                    texts.add(columns.getLast());
                    rowBytes += Integer.BYTES;
                }
                default -> {
                    columns.add(new OutColumn.Fixed(name, vector));
                    rowBytes += Long.BYTES;
                }
            }
        }
        this.fixedBytes = rowBytes;
        this.numbers = new int[columns.size()];
    }

    /// The columns, in the order of the batch.
    List<OutColumn> columns() {
        return columns;
    }

    /// The columns that are strings.
    List<OutColumn> texts() {
        return texts;
    }

    /// A chunk's columns, by place; empty where it has none.
    List<Optional<Source>> sources(RowBatch chunk) {
        List<Optional<Source>> sources = new ArrayList<>(columns.size());
        for (int place = 0; place < columns.size(); place++) {
            int number = number(chunk, place);
            sources.add(number < 0 ? Optional.empty() : Optional.of(source(chunk, number, place)));
        }
        return sources;
    }

    /// Where a column stands in a chunk: mostly where it stood in the chunk before; -1 if the chunk lacks it.
    private int number(RowBatch chunk, int place) {
        int guess = numbers[place];
        if (guess < chunk.columns().size()
                && chunk.columns()
                        .get(guess)
                        .schema()
                        .name()
                        .equals(columns.get(place).name())) {
            return guess;
        }
        int number = chunk.numberOf(columns.get(place).name());
        numbers[place] = Math.max(0, number);
        return number;
    }

    private Source source(RowBatch chunk, int number, int place) {
        int nullCount = chunk.nullCount(number);
        return switch (chunk.columns().get(number)) {
            case RowColumn.Tag tag -> {
                StreamDictionary dictionary = dictionaries.get(place);
                yield dictionary == null ? Source.plain(tag, nullCount) : Source.of(tag, nullCount, dictionary);
            }
            case RowColumn.Plain plain -> Source.of(plain, nullCount);
        };
    }

    /// Begins a batch in fresh memory: what was sent before may still be on its way.
    void begin() {
        root.clear();
        release();
        mode = Mode.EMPTY;
        rowCount = 0;
        bytes = 0;
        smallParts = 0;
    }

    private void release() {
        held.forEach(RowBatch::close);
        held.clear();
        lastHeld = Optional.empty();
        scratch.close();
        pieces = List.of();
    }

    int rowCount() {
        return rowCount;
    }

    /// Whether the batch stands on chunks' memory.
    boolean refersToChunks() {
        return mode == Mode.REFERS;
    }

    /// Appends selected rows of a chunk, as many as fit; returns how many.
    ///
    /// @param chunk stays the caller's; a batch that stands on its memory has a share
    /// @param sources the chunk's columns
    /// @param from the first place among the selected rows
    /// @param max the most rows that are wanted, at least 1
    int append(RowBatch chunk, List<Optional<Source>> sources, Selection rows, int from, long max) {
        int left = (int) Math.min(max, rows.count() - from);
        int count = Math.min(left, roomRows());
        boolean isLong = left >= limits.minSliceRows();
        if (mode == Mode.EMPTY) {
            mode = rows instanceof Selection.All && isLong ? Mode.REFERS : Mode.COPIES;
            if (mode == Mode.REFERS) {
                pieces = columns.stream()
                        .map(_ -> new ColumnPieces(limits.maxRows(), scratch))
                        .toList();
            }
        }
        return switch (mode) {
            case REFERS -> {
                // A few small ones do no harm; many would be a list of pieces that costs more than to copy them.
                smallParts += isLong ? 0 : 1;
                yield rows instanceof Selection.All && smallParts <= MAX_SMALL_PARTS && count > 0
                        ? refer(chunk, sources, from, count)
                        : 0;
            }
            case EMPTY, COPIES ->
                // One that is worth to be sent as it is has a batch of its own: what is there already goes ahead.
                rowCount > 0 && rows instanceof Selection.All && isLong ? 0 : copy(sources, rows, from, count);
        };
    }

    private int copy(List<Optional<Source>> sources, Selection rows, int from, int most) {
        int count = withinText(sources, rows, from, most);
        reserve(rowCount + count);
        for (int place = 0; place < columns.size(); place++) {
            Optional<Source> source = sources.get(place);
            if (source.isPresent()) {
                columns.get(place).copy(source.get(), rows, from, count, rowCount);
            }
        }
        appended(count, 0);
        return count;
    }

    private int refer(RowBatch chunk, List<Optional<Source>> sources, int from, int most) {
        int count = texts.isEmpty() ? most : fitting(sources, from, most);
        if (count == 0) {
            return 0;
        }
        if (lastHeld.isEmpty() || lastHeld.get() != chunk) {
            held.add(chunk.share(chunk.rowCount()));
            lastHeld = Optional.of(chunk);
        }
        for (int place = 0; place < columns.size(); place++) {
            Optional<Source> source = sources.get(place);
            if (source.isPresent()) {
                columns.get(place).refer(source.get(), from, count, pieces.get(place));
            } else {
                columns.get(place).referNulls(count, pieces.get(place));
            }
        }
        appended(count, textBytes(sources, from, count));
        return count;
    }

    /// How many of the rows keep within the limit with their text; at least one in an empty batch.
    private int fitting(List<Optional<Source>> sources, int from, int most) {
        int fits = rowCount == 0 ? 1 : 0;
        int tooMany = most + 1;
        long text = fits == 0 ? 0 : textBytes(sources, from, fits);
        while (tooMany - fits > 1) {
            int middle = (fits + tooMany) >>> 1;
            // Of what lies behind those that fit: the text of a plain tag is told row by row.
            long more = textBytes(sources, from + fits, middle - fits);
            if (bytes + text + more + (long) middle * fixedBytes <= limits.maxBytes()) {
                fits = middle;
                text += more;
            } else {
                tooMany = middle;
            }
        }
        return fits;
    }

    private long textBytes(List<Optional<Source>> sources, int from, int count) {
        long total = 0;
        for (int place = 0; place < columns.size(); place++) {
            Optional<Source> source = sources.get(place);
            total += source.isPresent() ? columns.get(place).textBytes(source.get(), from, count) : 0;
        }
        return total;
    }

    /// How many rows have room, were it not for their text. At least one in an empty batch.
    int roomRows() {
        long room = Math.min(limits.maxRows() - rowCount, (limits.maxBytes() - bytes) / fixedBytes);
        return (int) Math.max(room, rowCount == 0 ? 1 : 0);
    }

    /// How many of the rows keep within the limit with their text, which is counted here. One in an empty batch.
    private int withinText(List<Optional<Source>> sources, Selection rows, int from, int count) {
        if (texts.isEmpty()) {
            return count;
        }
        for (int i = 0; i < count; i++) {
            if (!admit(textBytes(sources, rows.row(from + i), 1), i)) {
                return i;
            }
        }
        return count;
    }

    /// Counts the text of one more row; false if it has no room.
    ///
    /// @param before rows that were admitted and are not appended yet
    boolean admit(long textBytes, int before) {
        boolean isFirst = rowCount + before == 0;
        if (!isFirst && bytes + textBytes + (before + 1L) * fixedBytes > limits.maxBytes()) {
            return false;
        }
        bytes += textBytes;
        return true;
    }

    /// Makes room for rows.
    void reserve(int rows) {
        columns.forEach(column -> column.reserve(rows));
    }

    /// Notes that rows were put behind those that are there, their text having been counted.
    void appended(int count, long textBytes) {
        rowCount += count;
        bytes += (long) count * fixedBytes + textBytes;
    }

    /// Ends the batch and hands it over.
    OutBatch end() {
        List<Pieces> buffers = new ArrayList<>(2 * columns.size());
        List<Runnable> releases = new ArrayList<>();
        int[] nullCounts = new int[columns.size()];
        if (mode == Mode.REFERS) {
            for (int place = 0; place < nullCounts.length; place++) {
                nullCounts[place] = pieces.get(place).nullCount();
                columns.get(place).gather(pieces.get(place), buffers);
            }
            held.forEach(chunk -> releases.add(chunk::close));
            held.clear();
            lastHeld = Optional.empty();
            releases.addAll(scratch.transfer());
        } else {
            reserve(rowCount);
            root.setRowCount(rowCount);
            for (int place = 0; place < nullCounts.length; place++) {
                nullCounts[place] = columns.get(place).gatherCopied(rowCount, buffers, releases);
            }
        }
        return new OutBatch(rowCount, nullCounts, buffers, releases);
    }

    @Override
    public void close() {
        release();
        root.close();
    }
}
