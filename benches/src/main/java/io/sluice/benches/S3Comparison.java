package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.benches.Comparison.Better;
import io.sluice.fixtures.S3Server;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectStoreSettings;
import io.sluice.persist.store.ObjectStores;
import io.sluice.persist.store.ObjectUpload;
import io.sluice.persist.store.StoreContext;
import java.io.IOException;
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
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/// Uploads to S3Proxy, a process of its own with objects in memory: our object store, which sends parts while it is
/// written to and looks at the result, next to the plain SDK, which is given the whole object at once (`sdk`).
///
/// `N-M`: M uploads at once of N MiB each. What is uploaded does not compress.
final class S3Comparison implements Program {
    private static final String BENCH = "s3";
    private static final int RUNS = 5;
    private static final int QUICK_RUNS = 3;
    private static final long SEED = 1;
    /// As a writer of Parquet hands over pages.
    private static final int WRITE_BYTES = 64 << 10;

    private static final int MIB = 1 << 20;

    /// @param rounds uploads of each writer in a run, so that a run takes a second or so
    private record Case(String name, int objectMib, int writers, int rounds) {}

    private static final List<Case> CASES = List.of(
            new Case("64MiB-1writer", 64, 1, 2),
            new Case("64MiB-4writers", 64, 4, 1),
            new Case("1MiB-8writers", 1, 8, 16));

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
            var _ = client.deleteObject(request -> request.bucket(S3Server.BUCKET).key("sdk/" + name));
        }
    }

    @Override
    public List<String> cases() {
        return CASES.stream().map(Case::name).toList();
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
                if (options.wants(one.name())) {
                    System.err.println(BENCH + ": " + one.name());
                    comparisons.add(compare(one, ours, theirs, options.quick() ? QUICK_RUNS : RUNS, threads));
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

    private static Comparison compare(Case one, Uploader ours, Uploader theirs, int runs, ExecutorService threads)
            throws IOException, InterruptedException {
        byte[] content = new byte[one.objectMib() * MIB];
        new SplittableRandom(SEED).nextBytes(content);
        List<Double> ourRates = new ArrayList<>();
        List<Double> theirRates = new ArrayList<>();
        rate(one, ours, content, threads); // compiles what both need
        rate(one, theirs, content, threads);
        for (int run = 0; run < runs; run++) {
            ourRates.add(rate(one, ours, content, threads));
            theirRates.add(rate(one, theirs, content, threads));
        }
        return new Comparison(BENCH, one.name(), "MiB/s", Better.HIGHER, ourRates, "sdk", theirRates);
    }

    private static double rate(Case one, Uploader uploader, byte[] content, ExecutorService threads)
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
        int mib = 0;
        for (Future<Integer> writer : threads.invokeAll(writers)) {
            try {
                mib += writer.get();
            } catch (ExecutionException e) {
                throw new IOException("an upload failed: " + e.getCause(), e);
            }
        }
        long took = System.nanoTime() - start;
        for (int writer = 0; writer < one.writers(); writer++) {
            for (int round = 0; round < one.rounds(); round++) {
                uploader.delete(objectName(one, writer, round));
            }
        }
        return mib * 1e9 / took;
    }

    private static String objectName(Case one, int writer, int round) {
        return "%s/%d/%d".formatted(one.name(), writer, round);
    }
}
