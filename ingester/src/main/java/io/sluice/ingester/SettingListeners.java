package io.sluice.ingester;

import io.sluice.ingester.http.HttpDoor;
import io.sluice.ingester.settings.InvalidSettingException;
import io.sluice.ingester.settings.LiveSettings;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import java.util.Set;

/// What can be changed while the server runs, and who hears of it: the parts that live as long as the server. Those
/// of a write path are tied where it is built.
final class SettingListeners {
    private final Wiring wiring;
    private final LiveSettings live;

    SettingListeners(Wiring wiring) {
        this.wiring = wiring;
        this.live = wiring.live;
    }

    /// Ties the parts to the settings, all of which there must be.
    void tie() {
        live.require(this::checkLogTakes);
        live.onChange(
                now -> {
                    wiring.inFlight.reconfigure(now.inflightBytes(), now.inflightOps());
                    wiring.bodies.reconfigure(bodyBytes(now));
                },
                Setting.INFLIGHT_BYTES,
                Setting.INFLIGHT_OPS);
        live.onChange(
                now -> wiring.admission.reconfigure(now.admission()),
                Setting.ADMISSION_WRITE_NEW,
                Setting.ADMISSION_WRITE_EXISTING,
                Setting.ADMISSION_WRITE_STREAMS,
                Setting.ADMISSION_NAMESPACE_WRITES,
                Setting.ADMISSION_QUERY_INITIAL,
                Setting.ADMISSION_QUERY_STREAMING);
        live.onChange(now -> wiring.work.reconfigure(now.maxWorkWait()), Setting.MAX_WORK_WAIT);
        live.onChange(
                now -> wiring.delays.reconfigure(now.retry()),
                Setting.RETRY_AFTER_MODE,
                Setting.RETRY_AFTER_MIN,
                Setting.RETRY_AFTER_MAX);
        live.onChange(
                now -> wiring.persister.reconfigure(now.persist().gate()),
                Setting.PERSIST_CONCURRENCY,
                Setting.PERSIST_MEMORY,
                Setting.PERSIST_GATE_TIMEOUT,
                Setting.PERSIST_GATE_TIMEOUT_DEFAULT,
                Setting.PERSIST_GATE_TIMEOUT_FLOOR,
                Setting.PERSIST_GATE_TIMEOUT_CAP);
        live.onChange(
                now -> wiring.persister.reconfigureQueue(now.persist().queueDepth()), Setting.PERSIST_QUEUE_DEPTH);
        live.onChange(now -> wiring.ledger.reconfigure(now.ledger()), Setting.BUFFER_BYTES, Setting.PERSIST_MEMORY);
        live.onChange(
                now -> wiring.disks.reconfigure(now.disk()), Setting.DISK_HIGH, Setting.DISK_LOW, Setting.DISK_RESERVE);
        live.onChange(
                now -> wiring.wal.reconfigure(now.wal().group()),
                Setting.WAL_GROUP_DELAY,
                Setting.WAL_GROUP_SIBLINGS,
                Setting.WAL_GROUP_BYTES);
        live.onChange(now -> wiring.idleStreams.reconfigure(now.flight()), Setting.QUERY_IDLE_TIMEOUT);
        live.onChange(now -> wiring.queryAllocator.setLimit(now.queryMemoryBytes()), Setting.QUERY_MEMORY);
        live.onChange(now -> wiring.schemas.reconfigure(now.maxColumns()), Setting.MAX_COLUMNS);
        live.onChange(now -> wiring.schemas.createOnWrite(now.createOnWrite()), Setting.CREATE_ON_WRITE);
        live.onChange(now -> wiring.wal.reconfigure(now.wal().maxBytes()), Setting.WAL_MAX_BYTES);
        live.onChange(now -> LogLevel.set(now.logLevel()), Setting.LOG_LEVEL);
        live.readWhenUsed(
                Setting.MAX_NAMESPACES,
                Setting.MAX_TABLES,
                Setting.PARQUET_ZSTD_LEVEL,
                Setting.WAL_STALL_TIMEOUT,
                Setting.SHUTDOWN_DEADLINE);
    }

    /// To be called once the write path is there, too.
    void checkAllAreHeard() {
        Set<Setting> mismatches = live.mismatches();
        if (!mismatches.isEmpty()) {
            throw new IllegalStateException("live, but nobody listens, or the other way round: " + mismatches);
        }
    }

    /// Room for bodies of HTTP requests.
    static long bodyBytes(ServeSettings settings) {
        return Math.max(settings.inflightBytes(), HttpDoor.minBodyBudgetBytes(settings.maxRequestBytes()));
    }

    /// The log's own queue is made at the start, and must hold all that is in flight.
    private void checkLogTakes(ServeSettings now) throws InvalidSettingException {
        long maxBytes = wiring.settings.wal().maxQueueBytes();
        if (now.inflightBytes() > maxBytes) {
            throw new InvalidSettingException(
                    "--inflight-bytes is %d: expected at most %d while the server runs, and more only with a restart"
                            .formatted(now.inflightBytes(), maxBytes));
        }
    }
}
