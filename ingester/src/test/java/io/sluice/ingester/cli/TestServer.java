package io.sluice.ingester.cli;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.grpc.GrpcServer;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SequenceNumber;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/// The real gRPC doors on a free port, and behind them a server that keeps a schema as ours does: a column is what its
/// first write made it, and a write that contradicts one changes nothing. A row is told by its timestamp.
final class TestServer {
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final GrpcServer server;
    private final ManagedChannel channel;
    private final Map<String, ColumnSchema> columns = new HashMap<>();
    private final List<Long> written = new ArrayList<>();
    private final Deque<WriteOutcome> answersFirst = new ArrayDeque<>();
    private int writes;
    private volatile String status = "{}";
    private volatile String persistAsked = "";

    private TestServer(int maxRequestBytes) throws Exception {
        server = new GrpcServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                GrpcServer.Limits.of(maxRequestBytes),
                executor,
                Thread.ofPlatform().factory(),
                System::nanoTime,
                new FixedByteBudget(1 << 30, "--inflight-bytes"),
                Admissions.usual(),
                new BudgetedWrites(
                        new InFlightWrites(1 << 30, 1_000, () -> 0, metrics),
                        (request, _) -> CompletableFuture.completedStage(write(request))),
                (namespace, table) -> {
                    persistAsked = namespace + " " + table;
                    return CompletableFuture.completedStage(new PersistSummary(2, 30, 3));
                },
                () -> status,
                metrics,
                List.of());
        server.start();
        channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
    }

    static TestServer start() throws Exception {
        return start(1 << 24);
    }

    static TestServer start(int maxRequestBytes) throws Exception {
        return new TestServer(maxRequestBytes);
    }

    String address() {
        return "127.0.0.1:" + server.port();
    }

    ManagedChannel channel() {
        return channel;
    }

    /// The next writes are answered so, and not looked at.
    synchronized void answerFirst(WriteOutcome... outcomes) {
        answersFirst.addAll(List.of(outcomes));
    }

    void setStatus(String json) {
        status = json;
    }

    /// Namespace and table of the last persist call.
    String persistAsked() {
        return persistAsked;
    }

    /// The table has this column.
    synchronized void create(String table, ColumnSchema column) {
        columns.put(key(table, column.name()), column);
    }

    private static String key(String table, ColumnName column) {
        return table + "." + column;
    }

    /// The timestamps of all rows, in the order in which they were written.
    synchronized List<Long> written() {
        return List.copyOf(written);
    }

    /// How many writes came, those that were refused included.
    synchronized int writes() {
        return writes;
    }

    private synchronized WriteOutcome write(byte[] request) {
        writes++;
        WriteOutcome first = answersFirst.poll();
        if (first != null) {
            return first;
        }
        DecodedWrite write;
        try {
            write = WriteDecoder.decode(request);
        } catch (InvalidWriteException e) {
            return new WriteOutcome.Invalid(String.valueOf(e.getMessage()));
        }
        Map<String, ColumnSchema> created = new HashMap<>();
        for (DecodedWrite.DecodedTable table : write.tables()) {
            for (DecodedColumn column : table.columns()) {
                String key = key(table.table().value(), column.schema().name());
                ColumnSchema known = columns.get(key);
                if (known == null) {
                    created.put(key, column.schema());
                } else if (!known.equals(column.schema())) {
                    return new WriteOutcome.Conflict("column '%s' is a %s: found %s"
                            .formatted(key, known.describe(), column.schema().describe()));
                }
            }
        }
        columns.putAll(created);
        DecodedRows.of(write).values().forEach(rows -> rows.forEach(row -> written.add((Long) row.get("time"))));
        return new WriteOutcome.Written(new SequenceNumber(writes));
    }

    void stop() throws InterruptedException {
        channel.shutdownNow();
        channel.awaitTermination(10, TimeUnit.SECONDS);
        server.stop(Duration.ofSeconds(1));
        executor.close();
    }
}
