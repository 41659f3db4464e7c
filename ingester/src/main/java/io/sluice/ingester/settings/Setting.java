package io.sluice.ingester.settings;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// Every setting of `sluice serve`: the same words as an option (`--wal-dir`), a variable (`SLUICE_WAL_DIR`) and a
/// line of the configuration file (`wal-dir=…`). Those that are [Change#LIVE] can be changed while the server runs; for
/// each of them somebody listens to [LiveSettings].
public enum Setting {
    DATA_DIR("DIR", "./sluice-data", "Folder of the log, the objects and the catalog, unless they are set apart"),
    WAL_DIR("DIR", "", "Folder of the log; default: wal in the data folder"),
    OBJECT_STORE(
            "URI",
            "",
            "Where Parquet files go: file:DIR or s3://BUCKET/PREFIX (credentials by the variables and files of AWS);"
                    + " default: objects in the data folder"),
    S3_ENDPOINT(
            "URL", "", "Of an S3 that is not Amazon's, such as http://127.0.0.1:9000; the bucket is in the path then"),
    S3_REGION("REGION", "", "Of the bucket; default: as the variables and files of AWS say"),
    CATALOG(
            "URI",
            "",
            "Where schemas and files are recorded: sqlite:FILE or postgresql://[USER@]HOST[:PORT]/DATABASE (password:"
                    + " PGPASSWORD); default: catalog.db in the data folder"),
    GRPC_BIND("HOST:PORT", "127.0.0.1:8087", "Address of gRPC and Arrow Flight; port 0 takes a free one"),
    HTTP_BIND("HOST:PORT", "127.0.0.1:8086", "Address of HTTP; port 0 takes a free one"),
    MAX_CONNECTIONS(
            Change.LIVE,
            "N",
            "4096",
            "Connections open at once, of gRPC and of HTTP each; for one more, the one that has been silent for longest"
                    + " and has sent nothing is closed"),
    IDLE_CONNECTION_TIMEOUT(Change.LIVE, "DURATION", "5m", "How long a connection without a request stays open"),
    SLOW_CLIENT_TIMEOUT(
            Change.LIVE,
            "DURATION",
            "10s",
            "How long a client may take for a request's head, for each 64 KiB of a body or message, and to read as much"
                    + " of an answer"),
    CREATE_ON_WRITE(Change.LIVE, "true|false", "true", "Whether a write creates its namespace and table"),
    MAX_NAMESPACES(Change.LIVE, "N", "10000", "Namespaces in the catalog; a write that needs one more is refused"),
    MAX_TABLES(Change.LIVE, "N", "10000", "Tables of a namespace; a write that needs one more is refused"),
    MAX_COLUMNS(Change.LIVE, "N", "1000", "Columns of a table, time included; a write that needs one more is refused"),
    MAX_PARTITIONS(
            Change.LIVE,
            "N",
            "10000",
            "Partitions of a namespace with rows in memory; writes that need one more are refused until some are in files"),
    PARTITION_IDLE_TIMEOUT(
            Change.LIVE,
            "DURATION",
            "10m",
            "How long a partition without rows is remembered; the catalog knows it for good"),
    MEMORY(
            "SIZE",
            "",
            "Memory that the process takes, save a stated overhead of Java's own; default: half of the container's or"
                    + " machine's. The limits below are less by themselves where it is small"),
    MAX_REQUEST_BYTES("SIZE", "64MiB", "Largest request, as sent and as unpacked"),
    INFLIGHT_BYTES(
            Change.LIVE,
            "SIZE",
            "128MiB",
            "Bytes of requests of writes in flight, and as many of HTTP bodies; more wait"),
    INFLIGHT_OPS(
            Change.LIVE,
            "N",
            "65536",
            "Writes in flight at once; more wait, those of streams as long as it takes, others 1 s"),
    BUFFER_BYTES(Change.LIVE, "SIZE", "", "Memory of rows not yet in files; default: 5/16 of --memory"),
    WAL_SEGMENT_BYTES("SIZE", "64MiB", "Length of a segment's file of the log"),
    WAL_MAX_BYTES(Change.LIVE, "SIZE", "4GiB", "Bytes of all segments from which on writes are refused"),
    WAL_MAX_SEGMENT_AGE("DURATION", "5m", "Age from which on a segment of the log is closed"),
    WAL_ON_CORRUPTION("quarantine|fail", "quarantine", "What a start does about damage in the log"),
    WAL_GROUP_DELAY(Change.LIVE, "DURATION", "0ms", "How long a write waits for others to share its sync"),
    WAL_GROUP_SIBLINGS(Change.LIVE, "N", "5", "Other writes that must be in flight for that"),
    WAL_GROUP_BYTES(Change.LIVE, "SIZE", "4MiB", "The most that shares a sync; a larger write has one of its own"),
    WAL_COMPRESSION("none|lz4", "none", "Compression of what the log stores"),
    WAL_STALL_TIMEOUT(
            Change.LIVE, "DURATION", "10s", "How long the log may wait for its disk before the server is not ready"),
    WAL_DIRECT_IO("true|false", "true", "Whether the log bypasses the page cache where the file system lets it"),
    PERSIST_HOT_BYTES(Change.LIVE, "SIZE", "64MiB", "Memory of a partition's rows from which on it is persisted"),
    PERSIST_MAX_AGE(Change.LIVE, "DURATION", "5m", "Most age of a partition's oldest row before it is persisted"),
    PERSIST_WORKERS("N", "32", "Persist jobs under way at once, each partition on one worker"),
    PERSIST_QUEUE_DEPTH(Change.LIVE, "N", "250", "Persist jobs from which on writes are refused until half are done"),
    PERSIST_CONCURRENCY(Change.LIVE, "N", "4", "Persist jobs that sort, encode and upload at once"),
    PERSIST_MEMORY(
            Change.LIVE,
            "SIZE|PERCENT",
            "2GiB",
            "Memory that those may take together, as a size or a share (40%) of the ledger, which is nine sixteenths of"
                    + " --memory; a larger one runs alone"),
    PERSIST_GATE_TIMEOUT(
            Change.LIVE,
            "position|median",
            "position",
            "What says how long a job waits for its turn before it asks again"),
    PERSIST_GATE_TIMEOUT_DEFAULT(
            Change.LIVE, "DURATION", "5s", "What counts as the median of persist jobs until one has succeeded"),
    PERSIST_GATE_TIMEOUT_FLOOR(Change.LIVE, "DURATION", "1s", "The least that a job waits before it asks again"),
    PERSIST_GATE_TIMEOUT_CAP(
            Change.LIVE, "DURATION", "60s", "The most that it waits, if that follows from its position"),
    PARQUET_ZSTD_LEVEL(Change.LIVE, "N", "1", "Compression of Parquet files, 1 (fast) to 22 (small)"),
    ADMISSION_WRITE_NEW(
            Change.LIVE,
            "N",
            "300",
            "Writes at once that need the catalog, as their table is not known; more are refused"),
    ADMISSION_WRITE_EXISTING(Change.LIVE, "N", "10000", "Writes at once whose tables are known; more are refused"),
    ADMISSION_WRITE_STREAMS(Change.LIVE, "N", "1000", "Write streams open at once; more are refused"),
    ADMISSION_NAMESPACE_WRITES(
            Change.LIVE, "N", "0", "Writes of one namespace at once, those of streams apart; 0 = no such limit"),
    MAX_WORK_WAIT(
            Change.LIVE,
            "DURATION",
            "50ms",
            "The longest wait of line protocol for a processor; more is refused, and so is who would probably wait for half of it"),
    ADMISSION_QUERY_INITIAL(Change.LIVE, "N", "20", "Queries at once that have no batch yet; more wait, 1 s at most"),
    ADMISSION_QUERY_STREAMING(
            Change.LIVE,
            "N",
            "200",
            "Queries at once that send batches; one more waits among those that have none yet"),
    RETRY_AFTER_MODE(
            Change.LIVE,
            "adaptive|constant",
            "adaptive",
            "Whether those who are refused hear when there will be room, or always the same"),
    RETRY_AFTER_MIN(
            Change.LIVE, "DURATION", "1s", "The least that they hear; each is told up to twice as long as another"),
    RETRY_AFTER_MAX(Change.LIVE, "DURATION", "30s", "The most that they hear, save that spread"),
    QUERY_IDLE_TIMEOUT(Change.LIVE, "DURATION", "60s", "How long a client may not read before its stream is ended"),
    QUERY_MEMORY(Change.LIVE, "SIZE", "512MiB", "Memory of what queries are sending"),
    DISK_HIGH(
            Change.LIVE,
            "PERCENT|SIZE",
            "90%",
            "How full the disk of the log, the objects or the catalog may be, used (90%) or left free (2GiB), before"
                    + " writes are refused"),
    DISK_LOW(Change.LIVE, "PERCENT|SIZE", "85%", "Below it, writes are taken again; of the same kind as --disk-high"),
    DISK_RESERVE(
            Change.LIVE,
            "SIZE",
            "256MiB",
            "File on the log's disk that is let go of when the disk is full, and made again; at most a hundredth of the"
                    + " disk, 0B: none"),
    SHUTDOWN_DEADLINE(
            Change.LIVE, "DURATION", "25s", "How long a stop may persist rows; what is left stays in the log"),
    BACKGROUND_NICE(
            "N",
            "5",
            "How far threads that parse and persist give way to those that answer, 0 (not at all) to 19, as nice does"),
    LOG_LEVEL(Change.LIVE, "error|warn|info|debug", "info", "What is logged");

    /// What it takes to change a setting of a running server.
    public enum Change {
        /// `sluice reconfigure`, or the configuration file and SIGHUP.
        LIVE,
        /// Another start.
        RESTART
    }

    private final Change change;
    private final String label;
    private final String defaultValue;
    private final String description;

    Setting(String label, String defaultValue, String description) {
        this(Change.RESTART, label, defaultValue, description);
    }

    Setting(Change change, String label, String defaultValue, String description) {
        this.change = change;
        this.label = label;
        this.defaultValue = defaultValue;
        this.description = description;
    }

    /// As in the configuration file: `wal-dir`.
    public String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// On the command line: `--wal-dir`.
    public String option() {
        return "--" + key();
    }

    /// In the environment: `SLUICE_WAL_DIR`.
    public String variable() {
        return "SLUICE_" + name();
    }

    /// Whether it can be changed while the server runs.
    public boolean isLive() {
        return change == Change.LIVE;
    }

    /// What stands for the value in help.
    public String label() {
        return label;
    }

    /// Empty if it follows from other settings or the machine.
    public String defaultValue() {
        return defaultValue;
    }

    public String description() {
        return description;
    }

    /// The setting of a key of the configuration file.
    public static Optional<Setting> ofKey(String key) {
        return Arrays.stream(values())
                .filter(setting -> setting.key().equals(key))
                .findFirst();
    }

    /// The setting of a variable of the environment.
    public static Optional<Setting> ofVariable(String variable) {
        return Arrays.stream(values())
                .filter(setting -> setting.variable().equals(variable))
                .findFirst();
    }
}
