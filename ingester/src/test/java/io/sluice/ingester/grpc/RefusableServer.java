package io.sluice.ingester.grpc;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteServiceGrpc.WriteServiceBlockingStub;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/// A gRPC server that takes each write, as number 7, until its disk is full, and a client of it.
final class RefusableServer {
    private static final int MAX_REQUEST_BYTES = 16 << 20;

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicInteger tasks = new AtomicInteger();
    private final AtomicInteger writes = new AtomicInteger();
    private final AtomicInteger writesOnExecutor = new AtomicInteger();
    private final AtomicInteger refusals = new AtomicInteger();
    private final IngestState state = new IngestState(() -> 0, metrics);
    private final GrpcServer server;
    private final ManagedChannel channel;
    private volatile Runnable onRefused = () -> {};
    private volatile boolean isQuick;

    /// Listens when this returns.
    RefusableServer() throws IOException {
        server = new GrpcServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                GrpcServer.Limits.of(MAX_REQUEST_BYTES),
                task -> {
                    tasks.incrementAndGet();
                    threads.execute(task);
                },
                Thread.ofPlatform().factory(),
                () -> 0,
                new FixedByteBudget(4 * MAX_REQUEST_BYTES, "--inflight-bytes"),
                new WriteAdmission(
                        state,
                        new AdmissionController(AdmissionLimits.DEFAULT, Admissions.delays(), () -> 0, metrics),
                        Admissions.ALL_KNOWN,
                        Admissions.refusals(),
                        Admissions.work(Runnable::run),
                        _ -> {
                            refusals.incrementAndGet();
                            onRefused.run();
                        }),
                new SometimesQuickWrites(
                        new BudgetedWrites(new InFlightWrites(1 << 30, 1_000, () -> 0, metrics), (_, _) -> {
                            writes.incrementAndGet();
                            writesOnExecutor.addAndGet(Thread.currentThread().isVirtual() ? 1 : 0);
                            return CompletableFuture.completedStage(new WriteOutcome.Written(new SequenceNumber(7)));
                        }),
                        () -> isQuick),
                (_, _) -> CompletableFuture.completedStage(new PersistSummary(1, 2, 3)),
                () -> "{}",
                metrics,
                List.of());
        server.start();
        channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
    }

    /// Refuses writes from now on.
    void fill() {
        state.set(Reason.DISK_FULL);
    }

    /// Takes writes again.
    void empty() {
        state.clear(Reason.DISK_FULL);
    }

    /// Writes of streams block nobody from now on.
    void beQuick() {
        isQuick = true;
    }

    /// Runs when a write is refused, before its client hears of it.
    void onRefused(Runnable heard) {
        onRefused = heard;
    }

    int port() {
        return server.port();
    }

    WriteServiceBlockingStub client() {
        return WriteServiceGrpc.newBlockingStub(channel);
    }

    /// A stream of writes; the caller ends it.
    StreamClient stream(CallOptions options) {
        return new StreamClient(channel, options);
    }

    /// Tasks that its executor was given so far.
    int tasks() {
        return tasks.get();
    }

    /// Writes that it took so far.
    int writes() {
        return writes.get();
    }

    /// Of those, the ones that ran on the executor.
    int writesOnExecutor() {
        return writesOnExecutor.get();
    }

    /// Writes that it refused so far.
    int refusals() {
        return refusals.get();
    }

    /// Calls that are open.
    double calls() {
        return metrics.get("sluice.grpc.calls").gauge().value();
    }

    void stop() throws InterruptedException {
        channel.shutdownNow();
        server.stop(Duration.ZERO);
        threads.close();
    }
}
