package io.sluice.benches;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.sluice.ingester.IngesterServer;
import io.sluice.ingester.Tracing;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.settings.InvalidSettingException;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteServiceGrpc.WriteServiceBlockingStub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;

/// Writes until they are durable and applied: in process (decode, log, buffer), and through a whole server over gRPC on
/// loopback. Fsync is on in both.
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Threads(4)
public class WriteBenchmark {
    private static final long SEED = 1;
    private static final int REQUESTS = 64;

    /// Requests to write, again and again.
    @State(Scope.Benchmark)
    public static class Requests {
        /// Rows of each write.
        @Param({"1000", "5000"})
        public int rowsPerWrite;

        final byte[][] bytes = new byte[REQUESTS][];
        final WriteRequest[] messages = new WriteRequest[REQUESTS];
        final AtomicInteger next = new AtomicInteger();

        /// Makes them.
        @Setup(Level.Trial)
        public void make() throws InvalidProtocolBufferException {
            CpuWrites writes = new CpuWrites(SEED);
            for (int i = 0; i < REQUESTS; i++) {
                bytes[i] = writes.next(rowsPerWrite);
                messages[i] = WriteRequest.parseFrom(bytes[i]);
            }
        }

        int index() {
            return Math.floorMod(next.getAndIncrement(), REQUESTS);
        }
    }

    /// The write path alone.
    @State(Scope.Benchmark)
    public static class InProcess {
        private Path directory = Path.of("");
        private Optional<Parts> parts = Optional.empty();

        /// A fresh one for each iteration, as rows stay in memory.
        @Setup(Level.Iteration)
        public void open() throws IOException {
            directory = Files.createTempDirectory("sluice-write");
            parts = Optional.of(new Parts(directory));
            parts.get().start();
        }

        /// Removes it.
        @TearDown(Level.Iteration)
        public void close() throws IOException {
            parts.orElseThrow().close();
            Parts.delete(directory);
        }
    }

    /// A whole server.
    @State(Scope.Benchmark)
    public static class OverGrpc {
        private Path directory = Path.of("");
        private Optional<IngesterServer> server = Optional.empty();
        private Optional<ManagedChannel> channel = Optional.empty();
        private Optional<WriteServiceBlockingStub> stub = Optional.empty();

        /// Starts it.
        @Setup(Level.Trial)
        public void open() throws IOException, InterruptedException, InvalidSettingException {
            directory = Files.createTempDirectory("sluice-grpc");
            Map<Setting, String> options = Map.of(
                    Setting.DATA_DIR, directory.toString(),
                    Setting.GRPC_BIND, "127.0.0.1:0",
                    Setting.HTTP_BIND, "127.0.0.1:0");
            ServeSettings settings = ServeSettings.resolve(options, Map.of(), Optional.empty(), 4L << 30);
            server = Optional.of(IngesterServer.start(settings, Tracing.off(), code -> {
                throw new IllegalStateException("the server ended with " + code);
            }));
            channel = Optional.of(
                    NettyChannelBuilder.forAddress("127.0.0.1", server.get().grpcPort())
                            .usePlaintext()
                            .build());
            stub = Optional.of(WriteServiceGrpc.newBlockingStub(channel.get()));
        }

        /// Stops it.
        @TearDown(Level.Trial)
        public void close() throws IOException, InterruptedException {
            channel.orElseThrow().shutdownNow();
            server.orElseThrow().stop();
            Parts.delete(directory);
        }
    }

    /// Decode, log, buffer.
    @Benchmark
    public WriteOutcome inProcess(Requests requests, InProcess state) {
        WriteOutcome outcome = state.parts
                .orElseThrow()
                .writes
                .write(requests.bytes[requests.index()], CatalogAccess.FREE)
                .toCompletableFuture()
                .join();
        if (!(outcome instanceof WriteOutcome.Written)) {
            throw new IllegalStateException(outcome.toString());
        }
        return outcome;
    }

    /// The same from a client on loopback.
    @Benchmark
    public WriteResponse overGrpc(Requests requests, OverGrpc state) {
        return state.stub.orElseThrow().write(requests.messages[requests.index()]);
    }
}
