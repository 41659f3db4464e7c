package io.sluice.ingester.write;

import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.buffer.GatheredRows;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.OutlineReader;
import io.sluice.ingester.door.OutlineReader.Outline;
import io.sluice.ingester.door.OutlineReader.TableOutline;
import io.sluice.ingester.door.ShapedReader;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.ingester.door.WriteShape;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Gathers the rows of small writes that follow one another, by partition, for whoever has many at hand: a replay. What
/// of a write is in files already is left out.
///
/// Writes mostly look like ones before them. What was found out about those, their columns, schema and partition, is
/// not found out again: rows go from the request's bytes to where they are gathered. It is remembered beyond [#take].
/// For one thread at a time; the caller closes it.
public final class WriteGatherer implements AutoCloseable {
    /// From so many rows on, how many there will be is told from those that there are.
    private static final int MIN_EXPECTED_FROM = 16;

    private final SchemaCache schemas;
    private final BufferTree buffer;
    private final ShapedReader reader = new ShapedReader();
    /// By the shapes' indexes.
    private @Nullable Known[] known = new Known[64];
    private Map<Partition, GatheredRows> partitions = new HashMap<>();
    /// How far partitions are in files; may be more by now. Since the last [#begin].
    private final Map<Partition, SequenceNumber> inFiles = new HashMap<>();
    /// Of the write that is being added, table by table.
    private final List<GatheredRows> targets = new ArrayList<>();
    private long gatheredBytes;
    private long expectedBytes;

    private record Partition(TableId table, long slot) {}

    /// What was found out about writes of a shape.
    ///
    /// @param schema of the table, which may be old by now but has all of the columns
    private record Known(WriteShape shape, TableSchema schema, Last last) {}

    /// The partition that rows of a shape went to last.
    private static final class Last {
        private long slot;
        private @Nullable GatheredRows rows;
    }

    WriteGatherer(SchemaCache schemas, BufferTree buffer) {
        this.schemas = schemas;
        this.buffer = buffer;
    }

    /// Begins to gather writes, which are so many bytes together.
    public void begin(long lengthBytes) {
        inFiles.clear();
        gatheredBytes = 0;
        expectedBytes = lengthBytes;
    }

    /// Adds a write, if it looks like ones that were [learned][#learn], is small, and none of its tables has rows of
    /// several partitions, or is cut by tags.
    ///
    /// @param request the write's bytes
    /// @param sequence above those that were added before
    /// @return how many rows were added, those that are in files included; 0 if it was not added
    /// @throws SchemaConflictException if it contradicts the catalog; what was gathered is as before
    /// @throws IOException if the catalog cannot answer; what was gathered is as before
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; what was gathered is then
    ///     void, as it may have a part of this write
    public long tryAdd(byte[] request, SequenceNumber sequence) throws SchemaConflictException, IOException {
        if (!GatheredRows.isSmall(1, request.length) || !reader.tryRead(request)) {
            return 0;
        }
        List<ShapedRows> tables = reader.tables();
        targets.clear();
        for (int i = 0; i < tables.size(); i++) {
            ShapedRows rows = tables.get(i);
            if (!GatheredRows.isSmall(rows.rowCount(), request.length)) {
                return 0;
            }
            Known of = resolve(rows.shape());
            if (!of.schema().template().tags().isEmpty()) {
                return 0; // partitions that follow from tags' values are for the splitter to find
            }
            long slot = of.schema().template().slot(rows.minTimeNs());
            if (of.schema().template().slot(rows.maxTimeNs()) != slot) {
                return 0; // slots follow one another in time
            }
            targets.add(target(of, slot));
        }
        gatheredBytes += request.length;
        long added = 0;
        for (int i = 0; i < tables.size(); i++) {
            ShapedRows rows = tables.get(i);
            added += rows.rowCount();
            append(targets.get(i), rows, sequence);
        }
        return added;
    }

    /// Whether all rows of a write are in files already, as far as its names and timestamps tell: its other columns are
    /// not looked at. No table or column is created.
    ///
    /// @return false also if that cannot be told
    /// @throws IOException if the catalog cannot answer
    public boolean isInFiles(byte[] request, SequenceNumber sequence) throws IOException {
        Optional<Outline> outline = OutlineReader.read(request);
        if (outline.isEmpty()) {
            return false;
        }
        for (TableOutline table : outline.get().tables()) {
            Optional<TableSchema> schema = schemas.find(outline.get().namespace(), table.table());
            if (schema.isEmpty() || !isInFiles(table, schema.get(), sequence)) {
                return false;
            }
        }
        return true;
    }

    private boolean isInFiles(TableOutline table, TableSchema schema, SequenceNumber sequence) throws IOException {
        long lastSlot = Long.MIN_VALUE; // none: timestamps in range have smaller ones
        for (int row = 0; row < table.rowCount(); row++) {
            long timeNs = table.timeNs(row);
            if (!PartitionTemplate.isInRange(timeNs)) {
                return false;
            }
            long slot = schema.template().slot(timeNs);
            if (slot != lastSlot && sequence.isAfter(persistedThrough(schema, slot))) {
                return false;
            }
            lastSlot = slot;
        }
        return true;
    }

    private SequenceNumber persistedThrough(TableSchema schema, long slot) throws IOException {
        Partition partition = new Partition(schema.tableId(), slot);
        SequenceNumber known = inFiles.get(partition);
        if (known == null) {
            known = buffer.persistedThrough(schema, schema.template().key(slot));
            inFiles.put(partition, known);
        }
        return known;
    }

    /// Remembers what a write looks like, so that it and its like can be added.
    ///
    /// @return whether it is worth a try: it is small
    public boolean learn(DecodedWrite write, int lengthBytes) {
        for (DecodedTable table : write.tables()) {
            if (!GatheredRows.isSmall(table.rowCount(), lengthBytes)) {
                return false;
            }
        }
        if (reader.isFull()) {
            reader.forget();
            Arrays.fill(known, null);
        }
        return reader.learn(write);
    }

    private void append(GatheredRows target, ShapedRows rows, SequenceNumber sequence) {
        Known of = find(rows.shape());
        if (of == null) {
            throw new IllegalStateException("the schema of table '%s' was not looked up"
                    .formatted(rows.shape().table()));
        }
        int before = target.rowCount();
        if (before < MIN_EXPECTED_FROM) {
            int after = before + rows.rowCount();
            // As many more as so far for each byte; the first few rows tell nothing, and many tables would take much.
            if (after >= MIN_EXPECTED_FROM) {
                target.expect(
                        (int) Math.min(Integer.MAX_VALUE, after * expectedBytes / Math.max(1, gatheredBytes) + 1));
            }
        }
        target.append(of.schema(), rows, sequence);
    }

    private @Nullable Known find(WriteShape shape) {
        if (shape.index() >= known.length) {
            known = Arrays.copyOf(known, Math.max(shape.index() + 1, 2 * known.length));
        }
        return known[shape.index()];
    }

    private Known resolve(WriteShape shape) throws SchemaConflictException, IOException {
        Known found = find(shape);
        if (found != null) {
            return found;
        }
        TableSchema schema = schemas.resolve(shape.namespace(), shape.table(), shape.columns());
        Known resolved = new Known(shape, schema, new Last());
        known[shape.index()] = resolved;
        return resolved;
    }

    private GatheredRows target(Known of, long slot) throws IOException {
        GatheredRows last = of.last().rows;
        if (last != null && of.last().slot == slot) {
            return last;
        }
        Partition partition = new Partition(of.schema().tableId(), slot);
        GatheredRows target = partitions.get(partition);
        if (target == null) {
            target = buffer.gather(of.schema(), of.schema().template().key(slot));
            partitions.put(partition, target);
        }
        of.last().rows = target;
        of.last().slot = slot;
        return target;
    }

    /// What was gathered since the last call, a partition each. The caller closes it or hands it on.
    public List<GatheredRows> take() {
        List<GatheredRows> taken = List.copyOf(partitions.values());
        clear();
        return taken;
    }

    private void clear() {
        partitions = new HashMap<>();
        targets.clear();
        for (Known one : known) {
            if (one != null) {
                one.last().rows = null;
            }
        }
    }

    /// Releases what was not taken. It can be used again.
    @Override
    public void close() {
        partitions.values().forEach(GatheredRows::close);
        clear();
    }
}
