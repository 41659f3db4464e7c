package io.sluice.ingester.settings;

import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.disk.DiskMark;
import io.sluice.ingester.disk.DiskSettings;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.RetrySettings;
import io.sluice.ingester.ledger.LedgerLimits;
import io.sluice.ingester.threads.BackgroundThreads;
import io.sluice.persist.GateTimeout;
import io.sluice.persist.PersistGateSettings;
import io.sluice.persist.PersistSettings;
import io.sluice.persist.catalog.CatalogLimits;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.parquet.ParquetSettings;
import io.sluice.persist.store.ObjectStoreSettings;
import io.sluice.persist.store.ObjectStores;
import io.sluice.query.flight.FlightSettings;
import io.sluice.wal.CorruptionPolicy;
import io.sluice.wal.GroupLimits;
import io.sluice.wal.WalSettings;
import io.sluice.wal.WalSettings.Compression;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The server's settings, checked.
///
/// @param layers of what they were made
/// @param machineMemoryBytes of the machine or container
public record ServeSettings(
        SettingLayers layers,
        long machineMemoryBytes,
        Path dataDirectory,
        WalSettings wal,
        Duration walStallTimeout,
        ObjectStoreSettings objectStore,
        String catalog,
        InetSocketAddress grpcBind,
        InetSocketAddress httpBind,
        ConnectionLimits connections,
        boolean createOnWrite,
        CatalogLimits catalogLimits,
        int maxColumns,
        int maxPartitions,
        Duration partitionIdleTimeout,
        MemoryPlan memory,
        int maxRequestBytes,
        long inflightBytes,
        int inflightOps,
        long bufferBytes,
        long persistHotBytes,
        Duration persistMaxAge,
        PersistSettings persist,
        ParquetSettings parquet,
        AdmissionLimits admission,
        Duration maxWorkWait,
        RetrySettings retry,
        FlightSettings flight,
        long queryMemoryBytes,
        DiskSettings disk,
        Duration shutdownDeadline,
        int backgroundNice,
        String logLevel) {
    private static final Set<String> LOG_LEVELS = Set.of("error", "warn", "info", "debug");
    private static final long MIB = 1L << 20;
    private static final long TIB = 1L << 40;
    /// Of the log's own queue. The writes in flight, whose limits can be changed while running, are bounded below it.
    private static final long MIN_LOG_QUEUE_BYTES = 1L << 30;

    private static final int LOG_QUEUE_ENTRIES = 1 << 20;

    /// Reads all settings.
    ///
    /// @param machineMemoryBytes of the machine or container
    public static ServeSettings resolve(
            Map<Setting, String> options,
            Map<String, String> environment,
            Optional<Path> configFile,
            long machineMemoryBytes)
            throws InvalidSettingException {
        return of(SettingLayers.gather(options, environment, configFile), machineMemoryBytes);
    }

    /// The same with other values.
    ServeSettings with(SettingLayers other) throws InvalidSettingException {
        return of(other, machineMemoryBytes);
    }

    private static ServeSettings of(SettingLayers layers, long machineMemoryBytes) throws InvalidSettingException {
        SettingValues values = new SettingValues(layers);
        Path data = values.parse(Setting.DATA_DIR, "a folder", Path::of)
                .toAbsolutePath()
                .normalize();
        MemoryPlan memory = new MemoryPlan(
                values.bytesAtMost(Setting.MEMORY, MemoryPlan.MIN_BYTES, 1_024 * TIB, machineMemoryBytes / 2));
        long inflightBytes = values.bytesAtMost(Setting.INFLIGHT_BYTES, MIB, TIB, memory.inflightBytes());
        int maxRequestBytes =
                (int) values.bytesAtMost(Setting.MAX_REQUEST_BYTES, 1_024, 1L << 30, memory.requestBytes());
        long bufferBytes = values.bytesAtMost(Setting.BUFFER_BYTES, 16 * MIB, TIB, memory.rowsBytes());
        long queryBytes = values.bytesAtMost(Setting.QUERY_MEMORY, 16 * MIB, TIB, memory.queriesBytes());
        PersistSettings persist = persist(values, memory);
        memory.check(inflightBytes, bufferBytes, queryBytes, persist.gate().memoryBytes());
        if (maxRequestBytes > inflightBytes) {
            throw new InvalidSettingException(
                    "--max-request-bytes is %d and --inflight-bytes %d: expected the first no greater"
                            .formatted(maxRequestBytes, inflightBytes));
        }
        InetSocketAddress grpcBind = values.address(Setting.GRPC_BIND);
        InetSocketAddress httpBind = values.address(Setting.HTTP_BIND);
        if (grpcBind.getPort() != 0 && grpcBind.equals(httpBind)) {
            throw new InvalidSettingException(
                    "--grpc-bind and --http-bind are both %s:%d: expected two addresses, or port 0"
                            .formatted(grpcBind.getHostString(), grpcBind.getPort()));
        }
        String logLevel = values.parse(Setting.LOG_LEVEL, "error, warn, info or debug", text -> {
            String level = text.toLowerCase(Locale.ROOT);
            if (!LOG_LEVELS.contains(level)) {
                throw new IllegalArgumentException(text);
            }
            return level;
        });
        return new ServeSettings(
                layers,
                machineMemoryBytes,
                data,
                wal(values, data, inflightBytes),
                values.duration(Setting.WAL_STALL_TIMEOUT),
                objectStore(values, data),
                values.address(Setting.CATALOG, "sqlite:" + data.resolve("catalog.db"), Catalogs::check),
                grpcBind,
                httpBind,
                new ConnectionLimits(
                        values.number(Setting.MAX_CONNECTIONS, 16, 1_000_000),
                        values.duration(Setting.IDLE_CONNECTION_TIMEOUT),
                        values.duration(Setting.SLOW_CLIENT_TIMEOUT)),
                values.flag(Setting.CREATE_ON_WRITE),
                new CatalogLimits(
                        values.number(Setting.MAX_NAMESPACES, 1, 10_000_000),
                        values.number(Setting.MAX_TABLES, 1, 10_000_000)),
                values.number(Setting.MAX_COLUMNS, 2, 100_000),
                values.number(Setting.MAX_PARTITIONS, 1, 10_000_000),
                values.duration(Setting.PARTITION_IDLE_TIMEOUT),
                memory,
                maxRequestBytes,
                inflightBytes,
                values.number(Setting.INFLIGHT_OPS, 1, 1_000_000),
                bufferBytes,
                values.bytesAtMost(Setting.PERSIST_HOT_BYTES, 64 * 1_024, TIB, memory.hotBytes()),
                values.duration(Setting.PERSIST_MAX_AGE),
                persist,
                new ParquetSettings(
                        values.number(Setting.PARQUET_ZSTD_LEVEL, 1, 22),
                        ParquetSettings.DEFAULT.rowGroupRows(),
                        ParquetSettings.DEFAULT.pageRows()),
                admission(values),
                values.duration(Setting.MAX_WORK_WAIT),
                retry(values),
                new FlightSettings(values.duration(Setting.QUERY_IDLE_TIMEOUT)),
                queryBytes,
                disk(values),
                values.duration(Setting.SHUTDOWN_DEADLINE),
                values.number(Setting.BACKGROUND_NICE, 0, BackgroundThreads.MAX_NICENESS),
                logLevel);
    }

    private static AdmissionLimits admission(SettingValues values) throws InvalidSettingException {
        return new AdmissionLimits(
                values.number(Setting.ADMISSION_WRITE_NEW, 1, AdmissionLimits.MAX),
                values.number(Setting.ADMISSION_WRITE_EXISTING, 1, AdmissionLimits.MAX),
                values.number(Setting.ADMISSION_QUERY_INITIAL, 1, AdmissionLimits.MAX),
                values.number(Setting.ADMISSION_QUERY_STREAMING, 1, AdmissionLimits.MAX),
                values.number(Setting.ADMISSION_WRITE_STREAMS, 1, AdmissionLimits.MAX),
                values.number(Setting.ADMISSION_NAMESPACE_WRITES, 0, AdmissionLimits.MAX));
    }

    private static RetrySettings retry(SettingValues values) throws InvalidSettingException {
        Duration min = values.duration(Setting.RETRY_AFTER_MIN);
        Duration max = values.duration(Setting.RETRY_AFTER_MAX);
        if (max.compareTo(min) < 0) {
            throw new InvalidSettingException(
                    "--retry-after-min is %s and --retry-after-max %s: expected the first no greater"
                            .formatted(min, max));
        }
        return new RetrySettings(
                values.parse(
                        Setting.RETRY_AFTER_MODE,
                        "adaptive or constant",
                        text -> RetrySettings.Mode.valueOf(text.toUpperCase(Locale.ROOT))),
                min,
                max);
    }

    /// A setting's value as people should see it: what it follows from other settings or the machine if it has none of
    /// its own, and without a password.
    public String shown(Setting setting) {
        return switch (setting) {
            case DATA_DIR -> dataDirectory.toString();
            case WAL_DIR -> wal.directory().toString();
            case OBJECT_STORE -> objectStore.address();
            case CATALOG -> Catalogs.describe(catalog);
            case MEMORY -> size(setting, memory.memoryBytes());
            case MAX_REQUEST_BYTES -> size(setting, maxRequestBytes);
            case INFLIGHT_BYTES -> size(setting, inflightBytes);
            case BUFFER_BYTES -> size(setting, bufferBytes);
            case PERSIST_HOT_BYTES -> size(setting, persistHotBytes);
            case PERSIST_MEMORY -> size(setting, persist.gate().memoryBytes());
            case QUERY_MEMORY -> size(setting, queryMemoryBytes);
            default -> text(setting);
        };
    }

    /// As it is written, unless it follows from `--memory`.
    private String size(Setting setting, long bytes) {
        String text = text(setting);
        boolean isAsWritten =
                SettingValues.isShare(text) || (!text.isEmpty() && SettingValues.parseBytes(text) == bytes);
        return isAsWritten ? text : Long.toString(bytes);
    }

    private String text(Setting setting) {
        return layers.value(setting).text();
    }

    /// What there may be on the ledger.
    public LedgerLimits ledger() {
        return new LedgerLimits(
                Math.max(memory.ledgerBytes(), bufferBytes),
                bufferBytes,
                persist.gate().memoryBytes());
    }

    private static DiskSettings disk(SettingValues values) throws InvalidSettingException {
        DiskMark high = diskMark(values, Setting.DISK_HIGH);
        DiskMark low = diskMark(values, Setting.DISK_LOW);
        long reserveBytes = values.bytes(Setting.DISK_RESERVE, 0, TIB);
        try {
            return new DiskSettings(high, low, reserveBytes);
        } catch (IllegalArgumentException e) {
            throw new InvalidSettingException(String.valueOf(e.getMessage()));
        }
    }

    private static DiskMark diskMark(SettingValues values, Setting setting) throws InvalidSettingException {
        return values.parse(
                setting,
                "percent used such as 90%, more than 0 and less than 100, or bytes free such as 2GiB",
                text -> DiskMark.parse(text, SettingValues::parseBytes));
    }

    private static ObjectStoreSettings objectStore(SettingValues values, Path data) throws InvalidSettingException {
        ObjectStoreSettings settings = new ObjectStoreSettings(
                values.address(Setting.OBJECT_STORE, "file:" + data.resolve("objects"), ObjectStores::check),
                values.endpoint(Setting.S3_ENDPOINT),
                values.find(Setting.S3_REGION));
        if (!settings.isS3()
                && (settings.endpoint().isPresent() || settings.region().isPresent())) {
            throw new InvalidSettingException(
                    "--s3-endpoint and --s3-region say where a bucket is: expected --object-store s3://BUCKET/PREFIX, found %s"
                            .formatted(settings.address()));
        }
        return settings;
    }

    private static WalSettings wal(SettingValues values, Path data, long inflightBytes) throws InvalidSettingException {
        Path directory = values.find(Setting.WAL_DIR).isPresent()
                ? values.parse(Setting.WAL_DIR, "a folder", Path::of)
                        .toAbsolutePath()
                        .normalize()
                : data.resolve("wal");
        long segmentBytes = values.bytes(Setting.WAL_SEGMENT_BYTES, 64 * 1_024, TIB);
        long maxBytes = values.bytes(Setting.WAL_MAX_BYTES, 128 * 1_024, TIB * 1_024);
        if (maxBytes < 2 * segmentBytes) {
            throw new InvalidSettingException(
                    "--wal-max-bytes is %d and --wal-segment-bytes %d: expected two segments at least"
                            .formatted(maxBytes, segmentBytes));
        }
        return new WalSettings(
                directory,
                segmentBytes,
                maxBytes,
                values.duration(Setting.WAL_MAX_SEGMENT_AGE),
                Math.max(inflightBytes, MIN_LOG_QUEUE_BYTES),
                LOG_QUEUE_ENTRIES,
                new GroupLimits(
                        values.durationOrZero(Setting.WAL_GROUP_DELAY, Duration.ofSeconds(1)),
                        values.number(Setting.WAL_GROUP_SIBLINGS, 0, 1_000_000),
                        values.bytes(Setting.WAL_GROUP_BYTES, 1, GroupLimits.MOST_BYTES)),
                values.parse(
                        Setting.WAL_COMPRESSION,
                        "none or lz4",
                        text -> Compression.valueOf(text.toUpperCase(Locale.ROOT))),
                values.flag(Setting.WAL_DIRECT_IO),
                values.parse(
                        Setting.WAL_ON_CORRUPTION,
                        "quarantine or fail",
                        text -> CorruptionPolicy.valueOf(text.toUpperCase(Locale.ROOT))));
    }

    private static PersistSettings persist(SettingValues values, MemoryPlan memory) throws InvalidSettingException {
        return new PersistSettings(
                values.number(Setting.PERSIST_WORKERS, 1, PersistSettings.MAX_WORKERS),
                values.number(Setting.PERSIST_QUEUE_DEPTH, 1, 1_000_000),
                new PersistGateSettings(
                        values.number(Setting.PERSIST_CONCURRENCY, 1, PersistGateSettings.MAX_SLOTS),
                        values.bytesOrShareAtMost(
                                Setting.PERSIST_MEMORY, MIB, TIB, memory.persistBytes(), memory.ledgerBytes()),
                        gateTimeout(values)),
                PersistSettings.DEFAULT.firstRetryDelay(),
                PersistSettings.DEFAULT.maxRetryDelay(),
                PersistSettings.DEFAULT.parkedRetryDelay());
    }

    private static GateTimeout gateTimeout(SettingValues values) throws InvalidSettingException {
        Duration floor = values.duration(Setting.PERSIST_GATE_TIMEOUT_FLOOR, GateTimeout.MAX_DAYS);
        Duration cap = values.duration(Setting.PERSIST_GATE_TIMEOUT_CAP, GateTimeout.MAX_DAYS);
        if (cap.compareTo(floor) < 0) {
            throw new InvalidSettingException(
                    "--persist-gate-timeout-floor is %s and --persist-gate-timeout-cap %s: expected the first no greater"
                            .formatted(floor, cap));
        }
        return new GateTimeout(
                values.parse(
                        Setting.PERSIST_GATE_TIMEOUT,
                        "position or median",
                        text -> GateTimeout.Mode.valueOf(text.toUpperCase(Locale.ROOT))),
                values.duration(Setting.PERSIST_GATE_TIMEOUT_DEFAULT, GateTimeout.MAX_DAYS),
                floor,
                cap);
    }
}
