package io.sluice.persist.catalog;

import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The record of schemas, sort keys, files and progress. Any thread may call any method; each call is one
/// transaction, durable when it returns. An `IOException` means that the catalog could not answer: whether the
/// change was made is then unknown, and every method may be called again with the same arguments to the same
/// effect.
public interface Catalog extends AutoCloseable {
    /// All namespaces, by name.
    List<NamespaceName> namespaces() throws IOException;

    Optional<PartitionTemplate> findNamespace(NamespaceName namespace) throws IOException;

    /// Creates a namespace; if it exists with the same template, nothing changes.
    ///
    /// @throws CatalogConflictException if it exists with another template
    /// @throws CatalogLimitException if there are too many namespaces
    void createNamespace(NamespaceName namespace, PartitionTemplate template) throws IOException;

    /// All tables of a namespace, by name; empty if there is no such namespace.
    List<TableSchema> tables(NamespaceName namespace) throws IOException;

    Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException;

    /// Makes sure that the table has these columns, `time` besides, and returns its schema. What is missing is
    /// created, all of it or nothing: the namespace (with the default template), the table, the columns in the
    /// order given, behind those that are there. A new table whose columns come without `time` has it first.
    ///
    /// @param maxColumns how many columns the table may have in the end, `time` included; a table that has
    ///     more is left as it is, and may not grow
    /// @throws CatalogConflictException if a column exists with another kind or type (the message says both),
    ///     one that the namespace's partition template names is no tag,
    ///     or [CatalogLimitException] if there would be too many namespaces, tables of the namespace or
    ///     columns of the table (the message says limit and count)
    TableSchema ensureTable(NamespaceName namespace, TableName table, List<ColumnSchema> columns, int maxColumns)
            throws IOException;

    /// The table's sort key; empty if none was agreed on.
    ///
    /// @throws CatalogConflictException if there is no such table
    SortKey sortKey(TableId table) throws IOException;

    /// Replaces the sort key if it is still `expected`, and returns the key in force afterwards: `update` if
    /// the caller won or somebody set the same, else what another ingester set.
    ///
    /// @throws IllegalArgumentException if `update` does not extend `expected`
    /// @throws CatalogConflictException if there is no such table, or it lacks one of the tags
    SortKey compareAndSetSortKey(TableId table, SortKey expected, SortKey update) throws IOException;

    /// Notes that an ingester starts: raises its epoch, so that commits under an older one are refused from now
    /// on.
    Registration registerIngester(IngesterId ingester) throws IOException;

    /// Up to which write of an ingester a partition is in files; [SequenceNumber#NONE] if it never persisted.
    SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException;

    /// Records a file and advances the partition's persisted-through to its `maxSequence`, in one transaction.
    /// If this very file is recorded already (the reply to an earlier call was lost), nothing changes; its time
    /// of creation may differ, as when it was uploaded again.
    ///
    /// @param epoch the epoch of the ingester's [Registration]
    /// @throws StaleEpochException if the ingester was started again since
    /// @throws CatalogConflictException if the file's sequence range does not begin above what the partition
    ///     has in files of this ingester, its object's name belongs to another file, there is no such
    ///     table, or the epoch is none that this catalog gave
    /// @throws IllegalArgumentException if it was created outside the years 1678 to 2261
    void recordFile(FileRecord file, long epoch) throws IOException;

    /// The files of a table, by partition key, ingester and sequence; empty if there is no such table.
    List<FileRecord> files(NamespaceName namespace, TableName table) throws IOException;

    /// A page of files, by the names of their objects. So those of a partition come by ingester and sequence.
    List<FileRecord> files(FileQuery query) throws IOException;

    /// A page of the partitions of a table that have files, by key; empty if there is no such table.
    ///
    /// @param after the last key of the page before
    /// @param limit how many at most
    List<PartitionSummary> partitions(NamespaceName namespace, TableName table, Optional<PartitionKey> after, int limit)
            throws IOException;

    /// The names of all recorded objects. For finding those in the store that are not.
    Set<String> objectNames() throws IOException;

    @Override
    void close() throws IOException;

    /// What an ingester learns when it starts.
    ///
    /// @param epoch names this start; greater than that of every earlier start of the ingester
    /// @param highestPersisted the highest sequence number of the ingester that is in any file; NONE if there
    ///     is none
    record Registration(long epoch, SequenceNumber highestPersisted) {}
}
