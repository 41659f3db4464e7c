package io.sluice.benches;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteOptions;

/// RocksDB's log: each put waits for it to be synced. Rising keys, and a memtable that no window fills, so that there
/// is neither a flush nor a compaction.
final class RocksDbLog implements Contestant {
    /// Holds the writes of a window of 5 s at 800 MB/s; a fresh one for each window.
    private static final long MEMTABLE_BYTES = 4L << 30;

    static {
        RocksDB.loadLibrary(); // before the first object of its
    }

    private final String directory;
    private final Options options;
    private final WriteOptions synced = new WriteOptions().setSync(true);
    private final AtomicLong sequence = new AtomicLong();
    private RocksDB database;

    /// @param directory an empty folder
    RocksDbLog(Path directory) throws IOException {
        this.directory = directory.toString();
        this.options = new Options()
                .setCreateIfMissing(true)
                .setWriteBufferSize(MEMTABLE_BYTES)
                .setAvoidFlushDuringShutdown(true)
                .setDisableAutoCompactions(true)
                .setStatsDumpPeriodSec(0)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL);
        this.database = open();
    }

    private RocksDB open() throws IOException {
        try {
            return RocksDB.open(options, directory);
        } catch (RocksDBException e) {
            throw new IOException("cannot open RocksDB in " + directory, e);
        }
    }

    @Override
    public void append(byte[] payload, AppendListener listener) throws IOException {
        long number = sequence.incrementAndGet();
        byte[] key = ByteBuffer.allocate(Long.BYTES).putLong(number).array();
        try {
            database.put(synced, key, payload);
        } catch (RocksDBException e) {
            throw new IOException("RocksDB in %s refused a put".formatted(directory), e);
        }
        listener.durable(new SequenceNumber(number));
    }

    @Override
    public boolean isBlocking() {
        return true;
    }

    @Override
    public void refresh() throws IOException {
        database.close();
        try {
            RocksDB.destroyDB(directory, options);
        } catch (RocksDBException e) {
            throw new IOException("cannot empty RocksDB in " + directory, e);
        }
        database = open();
    }

    @Override
    public void close() {
        database.close();
        synced.close();
        options.close();
    }
}
