package io.sluice.benches;

import com.sun.management.OperatingSystemMXBean;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.benches.Comparison.Better;
import io.sluice.fixtures.S3Server;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectStoreSettings;
import io.sluice.persist.store.ObjectStores;
import io.sluice.persist.store.ObjectUpload;
import io.sluice.persist.store.StoreContext;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/// Uploads to S3Proxy, a process of its own with objects in memory: our object store, which sends parts while it is
/// written to and looks at the result, next to the plain SDK, which is given the whole object at once (`sdk`).
///
/// `N-M`: M uploads at once of N MiB each. What is uploaded does not compress. S3Proxy takes most of the time, and on
/// two cores the uploads compete with it, so these cases tell that ours is not slower than it has to be, and no more.
/// `client-cpu` is the processor time that this process takes for a GiB of the first case.
final class S3Comparison implements Program {
    private static final String BENCH = "s3";
    private static final int RUNS = 5;
    private static final int QUICK_RUNS = 3;
    private static final long SEED = 1;
    /// As a writer of Parquet hands over pages.
    private static final int WRITE_BYTES = 64 << 10;

    private static final int MIB = 1 << 20;

    private static final String CLIENT_CPU = "client-cpu";

    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /// @param rounds uploads of each writer in a run, so that a run takes a second or two
    private record Case(String name, int objectMib, int writers, int rounds) {}

    /// Objects of three parts and more, and of one.
    private static final List<Case> CASES = List.of(
            new Case("24MiB-1writer", 24, 1, 1),
            new Case("24MiB-2writers", 24, 2, 1),
            new Case("1MiB-8writers", 1, 8, 4));

    /// What uploads of one uploader took.
    private static final class Figures {
        private final List<Double> mibPerSecond = new ArrayList<>();
        private final List<Double> cpuSecondsPerGib = new ArrayList<>();
    }

    /// Uploads objects, and takes them away again, which is not measured: the server holds them in memory.
    private interface Uploader {
        void upload(String name, byte[] content) throws IOException;

        void delete(String name) throws IOException;
    }

    /// @param store stays the caller's
    private record Ours(ObjectStore store) implements Uploader {
        @Override
        public void upload(String name, byte[] content) throws IOException {
            try (ObjectUpload upload = store.upload(name)) {
                for (int position = 0; position < content.length; position += WRITE_BYTES) {
                    upload.out().write(content, position, Math.min(WRITE_BYTES, content.length - position));
                }
                var _ = upload.complete();
            }
        }

        @Override
        public void delete(String name) throws IOException {
            store.delete(name);
        }
    }

    /// @param client stays the caller's
    private record PlainSdk(S3Client client) implements Uploader {
        @Override
        public void upload(String name, byte[] content) {
            var _ = client.putObject(
                    request -> request.bucket(S3Server.BUCKET).key("sdk/" + name), RequestBody.fromBytes(content));
        }

        @Override
        public void delete(String name) {
            var _ = client.deleteObject(
                    request -> request.bucket(S3Server.BUCKET).key("sdk/" + name));
        }
    }

    @Override
    public List<String> cases() {
        return Stream.concat(CASES.stream().map(Case::name), Stream.of(CLIENT_CPU))
                .toList();
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory(options.directory(), BENCH);
        System.setProperty("aws.accessKeyId", S3Server.ACCESS_KEY);
        System.setProperty("aws.secretAccessKey", S3Server.SECRET_KEY);
        try (S3Server server = S3Server.start(directory);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                ObjectStore store = open(server, threads);
                S3Client sdk = sdk(server)) {
            Uploader ours = new Ours(store);
            Uploader theirs = new PlainSdk(sdk);
            List<Comparison> comparisons = new ArrayList<>();
            for (Case one : CASES) {
                boolean isOfCpu = one.equals(CASES.getFirst()) && options.wants(CLIENT_CPU);
                if (options.wants(one.name()) || isOfCpu) {
                    System.err.println(BENCH + ": " + one.name());
                    compare(one, ours, theirs, options.quick() ? QUICK_RUNS : RUNS, threads).stream()
                            .filter(comparison -> options.wants(comparison.caseName()))
                            .filter(comparison ->
                                    isOfCpu || comparison.caseName().equals(one.name()))
                            .forEach(comparisons::add);
                }
            }
            return comparisons;
        } finally {
            Parts.delete(directory);
        }
    }

    private static ObjectStore open(S3Server server, ExecutorService threads) throws IOException {
        return ObjectStores.open(
                new ObjectStoreSettings(
                        "s3://%s/ours".formatted(S3Server.BUCKET), Optional.of(server.endpoint()), Optional.empty()),
                new StoreContext(
                        Clock.systemUTC(),
                        Thread::sleep,
                        new SplittableRandom(SEED),
                        threads,
                        new SimpleMeterRegistry()));
    }

    /// Credentials of its own; all else that the SDK does by itself, it does.
    private static S3Client sdk(S3Server server) {
        return S3Client.builder()
                .endpointOverride(server.endpoint())
                .forcePathStyle(true)
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(S3Server.ACCESS_KEY, S3Server.SECRET_KEY)))
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .build();
    }

    /// By rate, and by processor time.
    private static List<Comparison> compare(Case one, Uploader ours, Uploader theirs, int runs, ExecutorService threads)
            throws IOException, InterruptedException {
        byte[] content = new byte[one.objectMib() * MIB];
        new SplittableRandom(SEED).nextBytes(content);
        upload(one, ours, content, threads, new Figures()); // compiles what both need
        upload(one, theirs, content, threads, new Figures());
        Figures our = new Figures();
        Figures their = new Figures();
        for (int run = 0; run < runs; run++) {
            upload(one, ours, content, threads, our);
            upload(one, theirs, content, threads, their);
        }
        return List.of(
                new Comparison(BENCH, one.name(), "MiB/s", Better.HIGHER, our.mibPerSecond, "sdk", their.mibPerSecond),
                new Comparison(
                        BENCH, CLIENT_CPU, "s/GiB", Better.LOWER, our.cpuSecondsPerGib, "sdk", their.cpuSecondsPerGib));
    }

    private static void upload(Case one, Uploader uploader, byte[] content, ExecutorService threads, Figures figures)
            throws IOException, InterruptedException {
        List<Callable<Integer>> writers = new ArrayList<>();
        for (int writer = 0; writer < one.writers(); writer++) {
            int number = writer;
            writers.add(() -> {
                for (int round = 0; round < one.rounds(); round++) {
                    uploader.upload(objectName(one, number, round), content);
                }
                return one.rounds() * one.objectMib();
            });
        }
        long start = System.nanoTime();
        long cpuStart = PROCESS.getProcessCpuTime();
        int mib = 0;
        for (Future<Integer> writer : threads.invokeAll(writers)) {
            try {
                mib += writer.get();
            } catch (ExecutionException e) {
                throw new IOException("an upload failed: " + e.getCause(), e);
            }
        }
        figures.mibPerSecond.add(mib * 1e9 / (System.nanoTime() - start));
        figures.cpuSecondsPerGib.add((PROCESS.getProcessCpuTime() - cpuStart) / 1e9 * 1024 / mib);
        for (int writer = 0; writer < one.writers(); writer++) {
            for (int round = 0; round < one.rounds(); round++) {
                uploader.delete(objectName(one, writer, round));
            }
        }
    }

    private static String objectName(Case one, int writer, int round) {
        return "%s/%d/%d".formatted(one.name(), writer, round);
    }
}
