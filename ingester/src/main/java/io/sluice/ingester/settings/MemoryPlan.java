package io.sluice.ingester.settings;

/// How the memory of the process is divided, from the one number `--memory`. The launcher sizes the JVM by the same
/// table, and `LauncherIT` compares the two.
///
/// | part           | sixteenths | held by                                                             |
/// |----------------|------------|---------------------------------------------------------------------|
/// | heap           | 7          | `-Xmx`: requests, small writes' rows, working memory of persist;    |
/// |                |            | what is kept to read the next lines (less than a sixth of a part)   |
/// | rows           | 5          | Arrow: rows that are not in files (`--buffer-bytes`)                |
/// | queries        | 1          | Arrow: copies that queries send (`--query-memory`)                  |
/// | network        | 2          | Netty: what was received and is not a whole message, what is sent   |
/// | direct buffers | 1          | `-XX:MaxDirectMemorySize`: the log's                                |
///
/// What the JVM takes for itself (code, classes, threads, the collector) and what `malloc` cannot give back comes on
/// top: [#overheadBytes] at most.
///
/// @param memoryBytes at least [#MIN_BYTES]
public record MemoryPlan(long memoryBytes) {
    /// Less leaves no room for anything but the classes of the libraries.
    public static final long MIN_BYTES = 256L << 20;

    private static final long MIB = 1L << 20;
    /// Of all memory, for a call that is open.
    private static final long CALL_SHARE_BYTES = 32L << 10;

    private static final int MAX_CALLS = 50_000;
    private static final int PARTS = 16;
    private static final int HEAP_PARTS = 7;
    private static final int ROWS_PARTS = 5;
    private static final int QUERIES_PARTS = 1;
    private static final int NETWORK_PARTS = 2;
    private static final int DIRECT_PARTS = 1;
    /// Of all memory.
    private static final int PARSERS_SHARE = 128;

    private static final int KEPT_BODIES_SHARE = 512;
    /// Of the ledger without the reserve of persist: Arrow's parts, and of the heap what its base and persist leave.
    private static final int LEDGER_PARTS = 9;

    private static final int PERSIST_PARTS = 4;

    /// Rounds up what is too little, as half of a small machine's memory may be.
    public MemoryPlan {
        memoryBytes = Math.max(memoryBytes, MIN_BYTES);
    }

    private long parts(int count) {
        return memoryBytes / PARTS * count;
    }

    /// The Java heap.
    public long heapBytes() {
        return parts(HEAP_PARTS);
    }

    /// Buffers of the network.
    public long networkBytes() {
        return parts(NETWORK_PARTS);
    }

    /// Direct buffers of Java.
    public long directBytes() {
        return parts(DIRECT_PARTS);
    }

    /// Rows that are not in files, unless chosen.
    public long rowsBytes() {
        return parts(ROWS_PARTS);
    }

    /// Memory of queries at most, unless chosen.
    public long queriesBytes() {
        return parts(QUERIES_PARTS);
    }

    /// Requests on the heap, at most, in which rows lie that are not copied to where they gather; and as many, at most,
    /// of streams that wait for room.
    public long waitingBytes() {
        return parts(1) / 2;
    }

    /// What all accounts of the ledger may hold together, without the reserve of persist.
    public long ledgerBytes() {
        return parts(LEDGER_PARTS);
    }

    /// Memory of persist jobs at work at most, the rows that they were handed included, unless chosen.
    public long persistBytes() {
        return parts(PERSIST_PARTS);
    }

    /// What the parsers of line protocol keep on the heap from one body to the next, at most.
    public long parsersBytes() {
        return memoryBytes / PARSERS_SHARE;
    }

    /// Arrays on the heap that are kept for the next bodies, at most.
    public long keptBodiesBytes() {
        return memoryBytes / KEPT_BODIES_SHARE;
    }

    /// Requests in flight at most, unless chosen.
    public long inflightBytes() {
        return parts(1);
    }

    /// A request at most, unless chosen: the budget of HTTP bodies is twice that.
    public long requestBytes() {
        return inflightBytes() / 2;
    }

    /// Calls of gRPC that may be open: each takes some KiB of the heap from its headers on, whether it is a write that
    /// will be counted or not.
    public int maxCalls() {
        return Math.clamp(memoryBytes / CALL_SHARE_BYTES, 1, MAX_CALLS);
    }

    /// A partition's rows at most before they are persisted, unless chosen: a job takes about as much again.
    public long hotBytes() {
        return rowsBytes() / 8;
    }

    /// What the process takes at most beside [#memoryBytes].
    public long overheadBytes() {
        return 256 * MIB + memoryBytes / PARTS;
    }

    /// Whether limits that were chosen fit into their parts.
    void check(long inflight, long rows, long queries, long persist) throws InvalidSettingException {
        long arrowBytes = parts(ROWS_PARTS + QUERIES_PARTS);
        if (rows + queries > arrowBytes) {
            throw new InvalidSettingException(
                    "--buffer-bytes is %d and --query-memory %d: expected at most %d together, three eighths of --memory, which is %d"
                            .formatted(rows, queries, arrowBytes, memoryBytes));
        }
        if (persist > parts(PERSIST_PARTS)) {
            throw new InvalidSettingException(
                    "--persist-memory is %d: expected at most %d, a quarter of --memory, which is %d"
                            .formatted(persist, parts(PERSIST_PARTS), memoryBytes));
        }
        if (inflight > parts(2)) {
            throw new InvalidSettingException(
                    "--inflight-bytes is %d: expected at most %d, an eighth of --memory, which is %d"
                            .formatted(inflight, parts(2), memoryBytes));
        }
    }
}
