package io.sluice.benches;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.benches.Comparison.Better;
import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.door.RetryDelays;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// What it costs to let requests in, and to turn them away.
///
/// - `swap`: a place is taken, moved and given back, by two threads at the same time; beside two semaphores
///   (`semaphores`), which take the second place before they let go of the first: nanoseconds for all three.
/// - `refuse-http`, `refuse-grpc`: processor time of a whole server for a write of 5,000 rows that it refuses, beside
///   one that it writes (`written`): microseconds. It refuses as a disk is nearly full, before it looks at the request.
final class AdmissionComparison implements Program {
    private static final String BENCH = "admission";
    private static final String SWAP = "swap";
    private static final String HTTP = "refuse-http";
    private static final String GRPC = "refuse-grpc";
    private static final int ROWS = 5_000;
    private static final int THREADS = 2;
    private static final int RUNS = 3;
    /// Turns of one server and the other: short ones, so that what disturbs a shared machine disturbs both.
    private static final int SERVER_RUNS = 9;
    private static final int BODIES = 16;
    private static final long SEED = 1;

    /// How much is measured.
    ///
    /// @param refusedFirst uncounted: a server that refuses does so much less for each that its compilers
    ///     would be most of what is measured
    /// @param writtenFirst uncounted, too
    private record Lengths(int swaps, int refusedFirst, int writtenFirst, int refused, int written) {
        private static final Lengths FULL = new Lengths(20_000_000, 50_000, 2_000, 1_000, 200);
        private static final Lengths QUICK = new Lengths(3_000_000, 8_000, 1_000, 350, 70);
    }

    @Override
    public List<String> cases() {
        return List.of(SWAP, HTTP, GRPC);
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        Lengths lengths = options.quick() ? Lengths.QUICK : Lengths.FULL;
        List<Comparison> comparisons = new ArrayList<>();
        if (options.wants(SWAP)) {
            comparisons.add(swap(lengths.swaps()));
        }
        if (options.wants(HTTP) || options.wants(GRPC)) {
            Path directory = Files.createTempDirectory(options.directory(), BENCH);
            try (ServerProcess writing =
                            ServerProcess.sluice(directory.resolve("writing"), "--persist-hot-bytes", "1GiB");
                    ServerProcess refusing = ServerProcess.refusing(
                            directory.resolve("refusing"), "--disk-high", "0.002%", "--disk-low", "0.001%")) {
                if (options.wants(HTTP)) {
                    comparisons.add(refuse(HTTP, lengths, new Http(writing), new Http(refusing)));
                }
                if (options.wants(GRPC)) {
                    try (Grpc toWriting = new Grpc(writing);
                            Grpc toRefusing = new Grpc(refusing)) {
                        comparisons.add(refuse(GRPC, lengths, toWriting, toRefusing));
                    }
                }
            } finally {
                Parts.delete(directory);
            }
        }
        return comparisons;
    }

    /// One of the threads' work.
    @FunctionalInterface
    private interface Turn {
        void run();
    }

    private static Comparison swap(int turns) throws InterruptedException {
        AdmissionController controller = new AdmissionController(
                AdmissionLimits.DEFAULT, new RetryDelays(Math::random), System::nanoTime, new SimpleMeterRegistry());
        Semaphore first = new Semaphore(AdmissionLimits.DEFAULT.writeNew());
        Semaphore second = new Semaphore(AdmissionLimits.DEFAULT.writeExisting());
        Turn ours = () -> {
            if (controller.tryAdmit(Bucket.NEW) instanceof Admission.Admitted(AdmissionPermit permit)) {
                permit.trySwap(Bucket.EXISTING);
                permit.close();
            }
        };
        Turn theirs = () -> {
            if (first.tryAcquire()) {
                boolean moved = second.tryAcquire();
                (moved ? first : second).release();
                (moved ? second : first).release();
            }
        };
        nanosEach(ours, turns);
        nanosEach(theirs, turns);
        List<Double> oursAll = new ArrayList<>();
        List<Double> theirsAll = new ArrayList<>();
        for (int run = 0; run < RUNS; run++) {
            oursAll.add(nanosEach(ours, turns));
            theirsAll.add(nanosEach(theirs, turns));
        }
        return new Comparison(BENCH, SWAP, "ns", Better.LOWER, oursAll, "semaphores", theirsAll);
    }

    /// How long a turn takes a thread.
    private static double nanosEach(Turn turn, int turns) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < THREADS; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int done = 0; done < turns; done++) {
                    turn.run();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return (double) (System.nanoTime() - start) / turns;
    }

    /// Sends writes to one server.
    private interface Client {
        ServerProcess server();

        /// Sends a write, and returns whether it was written.
        boolean write(int number) throws IOException, InterruptedException;
    }

    private static Comparison refuse(String name, Lengths lengths, Client writing, Client refusing)
            throws IOException, InterruptedException {
        cpuMicros(refusing, lengths.refusedFirst(), false);
        cpuMicros(writing, lengths.writtenFirst(), true);
        List<Double> refused = new ArrayList<>();
        List<Double> written = new ArrayList<>();
        for (int run = 0; run < SERVER_RUNS; run++) {
            refused.add(cpuMicros(refusing, lengths.refused(), false));
            written.add(cpuMicros(writing, lengths.written(), true));
            System.err.printf(
                    "%s: %s: refused %.0f us, written %.0f us%n", BENCH, name, refused.getLast(), written.getLast());
        }
        return new Comparison(BENCH, name, "us", Better.LOWER, refused, "written", written);
    }

    private static double cpuMicros(Client client, int writes, boolean areWritten)
            throws IOException, InterruptedException {
        double before = client.server().cpuSeconds();
        for (int i = 0; i < writes; i++) {
            if (client.write(i) != areWritten) {
                throw new IOException("a write was %s".formatted(areWritten ? "refused" : "written"));
            }
        }
        return (client.server().cpuSeconds() - before) * TimeUnit.SECONDS.toMicros(1) / writes;
    }

    private record Http(ServerProcess server, HttpClient client, List<byte[]> bodies) implements Client {
        Http(ServerProcess server) {
            this(server, HttpClient.newHttpClient(), made());
        }

        private static List<byte[]> made() {
            LineBodies lines = new LineBodies(SEED, ROWS);
            List<byte[]> bodies = new ArrayList<>();
            for (int i = 0; i < BODIES; i++) {
                byte[] into = new byte[lines.longestBytes()];
                int lengthBytes = lines.next(into, 0);
                bodies.add(Arrays.copyOf(into, lengthBytes));
            }
            return bodies;
        }

        @Override
        public boolean write(int number) throws IOException, InterruptedException {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create(
                                    "http://127.0.0.1:%d/api/v2/write?bucket=bench".formatted(server.httpPort())))
                            .POST(BodyPublishers.ofByteArray(bodies.get(number % BODIES)))
                            .build(),
                    BodyHandlers.ofString());
            return switch (answer.statusCode()) {
                case 204 -> true;
                case 503 -> false;
                default -> throw new IOException(answer.body());
            };
        }
    }

    private record Grpc(ServerProcess server, ManagedChannel channel, List<byte[]> requests)
            implements Client, AutoCloseable {
        Grpc(ServerProcess server) {
            this(server, GrpcMethods.connect(server.grpcPort()), made());
        }

        private static List<byte[]> made() {
            CpuTicks ticks = new CpuTicks(SEED);
            List<byte[]> requests = new ArrayList<>();
            for (int i = 0; i < BODIES; i++) {
                requests.add(ticks.next(ROWS).toByteArray());
            }
            return requests;
        }

        @Override
        public boolean write(int number) {
            try {
                ClientCalls.blockingUnaryCall(
                        channel, GrpcMethods.WRITE, GrpcMethods.OPTIONS, requests.get(number % BODIES));
                return true;
            } catch (StatusRuntimeException e) {
                return switch (e.getStatus().getCode()) {
                    case RESOURCE_EXHAUSTED -> false;
                    default -> throw e;
                };
            }
        }

        @Override
        public void close() {
            channel.shutdownNow();
        }
    }
}
