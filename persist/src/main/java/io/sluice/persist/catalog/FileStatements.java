package io.sluice.persist.catalog;

import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.Catalog.Registration;
import io.sluice.persist.catalog.SchemaStatements.TableNames;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What the catalog does about ingesters, files and progress, inside a transaction that the caller began and
/// ends: a serialisable one. The SQL is what SQLite and PostgreSQL have in common.
final class FileStatements {
    private static final String RAISE_EPOCH = """
            INSERT INTO ingesters (id, epoch, registered_at_ns) VALUES (?, 1, ?)
            ON CONFLICT (id) DO UPDATE
            SET epoch = ingesters.epoch + 1, registered_at_ns = excluded.registered_at_ns
            RETURNING epoch""";
    private static final String EPOCH = "SELECT epoch FROM ingesters WHERE id = ?";
    private static final String HIGHEST_PERSISTED =
            "SELECT COALESCE(MAX(persisted_through), 0) AS persisted_through FROM progress WHERE ingester_id = ?";
    private static final String PERSISTED_THROUGH =
            "SELECT persisted_through FROM progress WHERE ingester_id = ? AND table_id = ? AND partition_key = ?";
    private static final String ADVANCE = """
            INSERT INTO progress (ingester_id, table_id, partition_key, persisted_through) VALUES (?, ?, ?, ?)
            ON CONFLICT (ingester_id, table_id, partition_key) DO UPDATE
            SET persisted_through = excluded.persisted_through""";
    private static final String INSERT_FILE = """
            INSERT INTO files (object_name, table_id, partition_key, ingester_id, min_sequence, max_sequence,
              row_count, size_bytes, min_time_ns, max_time_ns, created_at_ns)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""";
    private static final String FILES = """
            SELECT f.*, n.name, t.name AS table_name
            FROM files f JOIN tables t ON t.id = f.table_id JOIN namespaces n ON n.id = t.namespace_id""";
    private static final String BY_OBJECT_NAME = " WHERE f.object_name = ?";
    private static final String BY_TABLE = " WHERE n.name = ? AND t.name = ?";
    private static final String BY_NAMESPACE_FROM = " WHERE n.name = ? AND f.object_name > ?";
    private static final String AND_TABLE = " AND t.name = ?";
    private static final String AND_PARTITION = " AND f.partition_key = ?";
    private static final String PAGE = " ORDER BY f.object_name LIMIT ?";
    private static final String PARTITIONS = """
            SELECT f.partition_key, count(*) AS files, sum(f.row_count) AS row_count, sum(f.size_bytes) AS size_bytes,
              min(f.min_time_ns) AS min_time_ns, max(f.max_time_ns) AS max_time_ns
            FROM files f JOIN tables t ON t.id = f.table_id JOIN namespaces n ON n.id = t.namespace_id
            WHERE n.name = ? AND t.name = ? AND f.partition_key > ?
            GROUP BY f.partition_key ORDER BY f.partition_key LIMIT ?""";
    private static final String OBJECT_NAMES = "SELECT object_name FROM files";

    private static final Comparator<FileRecord> FILE_ORDER = Comparator.comparing(
                    (FileRecord file) -> file.partition().key())
            .thenComparing(file -> file.ingester().toString())
            .thenComparing(FileRecord::minSequence);

    private FileStatements() {}

    static Registration registerIngester(Connection connection, IngesterId ingester, Instant now) throws SQLException {
        long epoch = Sql.queryOne(
                        connection,
                        RAISE_EPOCH,
                        row -> row.getLong("epoch"),
                        ingester.toString(),
                        Sql.toEpochNanos(now))
                .orElseThrow();
        SequenceNumber highest = Sql.queryOne(
                        connection, HIGHEST_PERSISTED, FileStatements::persistedThrough, ingester.toString())
                .orElseThrow();
        return new Registration(epoch, highest);
    }

    static SequenceNumber persistedThrough(Connection connection, IngesterId ingester, PartitionId partition)
            throws SQLException {
        return Sql.queryOne(
                        connection,
                        PERSISTED_THROUGH,
                        FileStatements::persistedThrough,
                        ingester.toString(),
                        partition.tableId().value(),
                        partition.key().value())
                .orElse(SequenceNumber.NONE);
    }

    /// @param sharedRowLock keeps the epoch as it is until the transaction ends
    static void recordFile(Connection connection, FileRecord file, long epoch, String sharedRowLock)
            throws SQLException, CatalogConflictException {
        requireEpoch(connection, file.ingester(), epoch, sharedRowLock);
        requireNames(connection, file);
        if (isRecorded(connection, file)) {
            return;
        }
        SequenceNumber through = persistedThrough(connection, file.ingester(), file.partition());
        if (!file.minSequence().isAfter(through)) {
            throw new CatalogConflictException(
                    "file '%s' begins with write %s: expected one after %s, through which partition '%s' of table '%s' in namespace '%s' is in files already for ingester %s"
                            .formatted(
                                    file.objectName(),
                                    file.minSequence(),
                                    through,
                                    file.partition().key(),
                                    file.table(),
                                    file.namespace(),
                                    file.ingester()));
        }
        insert(connection, file);
        Sql.update(
                connection,
                ADVANCE,
                file.ingester().toString(),
                file.partition().tableId().value(),
                file.partition().key().value(),
                file.maxSequence().value());
    }

    private static void requireEpoch(Connection connection, IngesterId ingester, long epoch, String sharedRowLock)
            throws SQLException, CatalogConflictException {
        Optional<Long> found =
                Sql.queryOne(connection, EPOCH + sharedRowLock, row -> row.getLong("epoch"), ingester.toString());
        if (found.isEmpty()) {
            throw new CatalogConflictException(
                    "ingester %s is not registered: expected epoch %d".formatted(ingester, epoch));
        }
        if (found.get() > epoch) {
            throw new StaleEpochException(ingester, epoch, found.get());
        }
        if (found.get() < epoch) {
            throw new CatalogConflictException(
                    "ingester %s: this process holds epoch %d, the catalog says %d: the catalog is older than this process, as if restored from a backup"
                            .formatted(ingester, epoch, found.get()));
        }
    }

    private static void requireNames(Connection connection, FileRecord file)
            throws SQLException, CatalogConflictException {
        TableNames found =
                SchemaStatements.requireTable(connection, file.partition().tableId());
        var expected = new TableNames(file.namespace(), file.table());
        if (!found.equals(expected)) {
            throw new CatalogConflictException(
                    "file '%s' is of table '%s' in namespace '%s', but the table of id %s is '%s' in namespace '%s'"
                            .formatted(
                                    file.objectName(),
                                    expected.table(),
                                    expected.namespace(),
                                    file.partition().tableId(),
                                    found.table(),
                                    found.namespace()));
        }
    }

    /// Whether this very file is in the catalog. The time of creation does not matter: it may have been
    /// uploaded again.
    private static boolean isRecorded(Connection connection, FileRecord file)
            throws SQLException, CatalogConflictException {
        Optional<FileRecord> found =
                Sql.queryOne(connection, FILES + BY_OBJECT_NAME, FileStatements::file, file.objectName());
        if (found.isPresent() && !withCreatedAt(found.get(), file.createdAt()).equals(file)) {
            throw new CatalogConflictException(
                    "object '%s' is recorded already with other content: expected %s, found %s"
                            .formatted(file.objectName(), file, found.get()));
        }
        return found.isPresent();
    }

    private static FileRecord withCreatedAt(FileRecord file, Instant createdAt) {
        return new FileRecord(
                file.objectName(),
                file.namespace(),
                file.table(),
                file.partition(),
                file.ingester(),
                file.minSequence(),
                file.maxSequence(),
                file.rowCount(),
                file.sizeBytes(),
                file.minTimeNs(),
                file.maxTimeNs(),
                createdAt);
    }

    private static void insert(Connection connection, FileRecord file) throws SQLException {
        Sql.update(
                connection,
                INSERT_FILE,
                file.objectName(),
                file.partition().tableId().value(),
                file.partition().key().value(),
                file.ingester().toString(),
                file.minSequence().value(),
                file.maxSequence().value(),
                file.rowCount(),
                file.sizeBytes(),
                file.minTimeNs(),
                file.maxTimeNs(),
                Sql.toEpochNanos(file.createdAt()));
    }

    static List<FileRecord> files(Connection connection, NamespaceName namespace, TableName table) throws SQLException {
        List<FileRecord> files =
                Sql.query(connection, FILES + BY_TABLE, FileStatements::file, namespace.value(), table.value());
        files.sort(FILE_ORDER);
        return List.copyOf(files);
    }

    static List<FileRecord> files(Connection connection, FileQuery query) throws SQLException {
        var sql = new StringBuilder(FILES).append(BY_NAMESPACE_FROM);
        List<Object> arguments = new ArrayList<>(List.of(query.namespace().value(), query.after()));
        query.table().ifPresent(table -> {
            sql.append(AND_TABLE);
            arguments.add(table.value());
        });
        query.partition().ifPresent(partition -> {
            sql.append(AND_PARTITION);
            arguments.add(partition.value());
        });
        sql.append(PAGE);
        arguments.add(query.limit());
        return List.copyOf(Sql.query(connection, sql.toString(), FileStatements::file, arguments.toArray()));
    }

    static List<PartitionSummary> partitions(
            Connection connection, NamespaceName namespace, TableName table, Optional<PartitionKey> after, int limit)
            throws SQLException {
        return List.copyOf(Sql.query(
                connection,
                PARTITIONS,
                row -> new PartitionSummary(
                        new PartitionKey(row.getString("partition_key")),
                        row.getLong("files"),
                        row.getLong("row_count"),
                        row.getLong("size_bytes"),
                        row.getLong("min_time_ns"),
                        row.getLong("max_time_ns")),
                namespace.value(),
                table.value(),
                after.map(PartitionKey::value).orElse(""),
                limit));
    }

    static Set<String> objectNames(Connection connection) throws SQLException {
        return Set.copyOf(Sql.query(connection, OBJECT_NAMES, row -> row.getString("object_name")));
    }

    private static SequenceNumber persistedThrough(ResultSet row) throws SQLException {
        return new SequenceNumber(row.getLong("persisted_through"));
    }

    private static FileRecord file(ResultSet row) throws SQLException {
        return new FileRecord(
                row.getString("object_name"),
                new NamespaceName(row.getString("name")),
                new TableName(row.getString("table_name")),
                new PartitionId(new TableId(row.getLong("table_id")), new PartitionKey(row.getString("partition_key"))),
                IngesterId.parse(row.getString("ingester_id")),
                new SequenceNumber(row.getLong("min_sequence")),
                new SequenceNumber(row.getLong("max_sequence")),
                row.getLong("row_count"),
                row.getLong("size_bytes"),
                row.getLong("min_time_ns"),
                row.getLong("max_time_ns"),
                Sql.fromEpochNanos(row.getLong("created_at_ns")));
    }
}
