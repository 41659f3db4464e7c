package io.sluice.persist.catalog;

import java.util.List;

/// The tables of a SQLite catalog, as steps from each version to the next. A step that was released is never
/// changed.
///
/// Points in time are 64-bit nanoseconds since the epoch. Ids of ingesters are UUIDs in their text form.
/// Sequence numbers and timestamps are 64-bit integers. Text compares byte by byte.
///
/// | table        | one row for                                                                             |
/// |--------------|-----------------------------------------------------------------------------------------|
/// | `namespaces` | a namespace and its partition template                                                  |
/// | `tables`     | a table                                                                                 |
/// | `columns`    | a column; `position` counts from 0 and never changes                                    |
/// | `sort_keys`  | a tag of a table's sort key; `position` counts from 0                                   |
/// | `ingesters`  | an ingester and its epoch: how often it was started                                     |
/// | `progress`   | a partition and an ingester: through which write it is in files                         |
/// | `files`      | a Parquet file                                                                          |
final class SchemaMigrations {
    /// Marks a database file as a catalog of ours: "Slce" in ASCII (`PRAGMA application_id`).
    static final int APPLICATION_ID = 0x536C6365;

    /// Step i leads from version i to version i + 1 (`PRAGMA user_version`); version 0 is an empty database.
    static final List<List<String>> STEPS = List.of(List.of("""
            CREATE TABLE namespaces (
              id INTEGER PRIMARY KEY AUTOINCREMENT,
              name TEXT NOT NULL UNIQUE,
              template TEXT NOT NULL,
              created_at_ns INTEGER NOT NULL
            ) STRICT""", """
            CREATE TABLE tables (
              id INTEGER PRIMARY KEY AUTOINCREMENT,
              namespace_id INTEGER NOT NULL REFERENCES namespaces (id),
              name TEXT NOT NULL,
              created_at_ns INTEGER NOT NULL,
              UNIQUE (namespace_id, name)
            ) STRICT""", """
            CREATE TABLE columns (
              table_id INTEGER NOT NULL REFERENCES tables (id),
              position INTEGER NOT NULL,
              name TEXT NOT NULL,
              kind TEXT NOT NULL,
              type TEXT NOT NULL,
              PRIMARY KEY (table_id, position),
              UNIQUE (table_id, name)
            ) STRICT, WITHOUT ROWID""", """
            CREATE TABLE sort_keys (
              table_id INTEGER NOT NULL,
              position INTEGER NOT NULL,
              tag TEXT NOT NULL,
              PRIMARY KEY (table_id, position),
              UNIQUE (table_id, tag),
              FOREIGN KEY (table_id, tag) REFERENCES columns (table_id, name)
            ) STRICT, WITHOUT ROWID""", """
            CREATE TABLE ingesters (
              id TEXT NOT NULL PRIMARY KEY,
              epoch INTEGER NOT NULL,
              registered_at_ns INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID""", """
            CREATE TABLE progress (
              ingester_id TEXT NOT NULL REFERENCES ingesters (id),
              table_id INTEGER NOT NULL REFERENCES tables (id),
              partition_key TEXT NOT NULL,
              persisted_through INTEGER NOT NULL,
              PRIMARY KEY (ingester_id, table_id, partition_key)
            ) STRICT, WITHOUT ROWID""", """
            CREATE TABLE files (
              object_name TEXT NOT NULL PRIMARY KEY,
              table_id INTEGER NOT NULL REFERENCES tables (id),
              partition_key TEXT NOT NULL,
              ingester_id TEXT NOT NULL REFERENCES ingesters (id),
              min_sequence INTEGER NOT NULL,
              max_sequence INTEGER NOT NULL,
              row_count INTEGER NOT NULL,
              size_bytes INTEGER NOT NULL,
              min_time_ns INTEGER NOT NULL,
              max_time_ns INTEGER NOT NULL,
              created_at_ns INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID""", """
            CREATE UNIQUE INDEX files_of_partition
              ON files (table_id, partition_key, ingester_id, min_sequence)"""));

    /// The version that this program reads and writes.
    static final int VERSION = STEPS.size();

    private SchemaMigrations() {}
}
