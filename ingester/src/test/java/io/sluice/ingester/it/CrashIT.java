package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Eight writers under load, four by single requests and four by streams, and `kill -9` at a random moment, again and
/// again on one folder: invariants 1, 2, 3, 4 and 9. Partitions are persisted all the time, so that kills fall into
/// every step of it; on the local disk with SQLite, and on S3 with PostgreSQL. `-Dsluice.crash.rounds=50` makes a long
/// run of both.
@Timeout(value = 30, unit = TimeUnit.MINUTES) // the usual one is too short for what the properties may ask
final class CrashIT {
    private static final int ROUNDS = Integer.getInteger("sluice.crash.rounds", 10);
    private static final int SHARED_ROUNDS = Integer.getInteger("sluice.crash.rounds", 3);
    private static final int WRITERS = 4;
    private static final int STREAMS = 4;
    private static final int IN_FLIGHT = 16;
    private static final int ROWS_PER_WRITE = 50;
    private static final long SEED = 20_261_121L;

    @TempDir
    private Path data = Path.of("");

    private final AtomicLong nextWrite = new AtomicLong();
    private final Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
    private final Set<Long> sent = ConcurrentHashMap.newKeySet();

    /// Where the server keeps what it persists.
    private interface Stores {
        SluiceServer start(String... options) throws Exception;

        /// What the catalogued files hold.
        List<String> rowsInFiles() throws Exception;
    }

    @Test
    void everyAcknowledgedRowIsThereExactlyOnceHoweverOftenTheServerIsKilled() throws Exception {
        killAgainAndAgain(ROUNDS, new Stores() {
            @Override
            public SluiceServer start(String... options) throws Exception {
                return SluiceServer.start(data, options);
            }

            @Override
            public List<String> rowsInFiles() throws Exception {
                return Rows.files(data, Marks.NAMESPACE, "m");
            }
        });
    }

    @Test
    void everyAcknowledgedRowIsThereExactlyOnceOnSharedStoresHoweverOftenTheServerIsKilled() throws Exception {
        try (S3Server s3 = S3Server.start(data);
                PostgresServer postgres = PostgresServer.start(data);
                SharedStores shared = new SharedStores(s3, postgres, data)) {
            killAgainAndAgain(SHARED_ROUNDS, new Stores() {
                @Override
                public SluiceServer start(String... options) throws Exception {
                    return shared.start("one", options);
                }

                @Override
                public List<String> rowsInFiles() throws Exception {
                    return shared.rowsInFiles("m");
                }
            });
        }
    }

    private void killAgainAndAgain(int rounds, Stores stores) throws Exception {
        Random random = new Random(SEED);
        for (int round = 0; round < rounds; round++) {
            try (SluiceServer server = start(stores)) {
                requireEachOnce(server, stores, round);
                long target = acknowledged.size() + 20L + random.nextInt(300);
                killUnderLoad(server, target);
            }
        }
        try (SluiceServer server = start(stores)) {
            requireEachOnce(server, stores, rounds);
            assertThat(server.run("persist")).isZero();
            assertThat(Rows.query(server, Marks.NAMESPACE, "m")).isEmpty();
            requireEachOnce(server, stores, rounds);
            assertThat(server.stop()).isZero();
        }
    }

    private static SluiceServer start(Stores stores) throws Exception {
        return stores.start(
                "--persist-hot-bytes", "64KiB", "--persist-max-age", "200ms", "--wal-segment-bytes", "64KiB");
    }

    private void killUnderLoad(SluiceServer server, long target) throws InterruptedException {
        CountDownLatch enough = new CountDownLatch(1);
        List<Thread> writers = new ArrayList<>();
        for (int i = 0; i < WRITERS; i++) {
            writers.add(Thread.ofVirtual().start(() -> write(server, target, enough)));
        }
        for (int i = 0; i < STREAMS; i++) {
            writers.add(Thread.ofVirtual().start(() -> stream(server, target, enough)));
        }
        enough.await();
        server.kill();
        for (Thread writer : writers) {
            writer.join();
        }
    }

    /// Writes until the server is gone.
    private void write(SluiceServer server, long target, CountDownLatch enough) {
        try {
            while (true) {
                long number = nextWrite.incrementAndGet();
                sent.add(number);
                HttpResponse<String> answer = server.write(Marks.NAMESPACE, lines(number));
                if (answer.statusCode() == 204) {
                    acknowledged.add(number);
                    if (acknowledged.size() >= target) {
                        enough.countDown();
                    }
                } else if (answer.statusCode() != 503) {
                    throw new AssertionError(answer.statusCode() + " " + answer.body());
                }
            }
        } catch (IOException e) {
            enough.countDown(); // killed: whether the last write was taken is not known
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// Keeps writes in flight on one stream until the server is gone.
    private void stream(SluiceServer server, long target, CountDownLatch enough) {
        ManagedChannel channel = Grpc.newChannelBuilder(
                        "127.0.0.1:" + server.grpcPort(), InsecureChannelCredentials.create())
                .build();
        Acks acks = new Acks(target, enough);
        StreamObserver<WriteStreamRequest> requests =
                WriteServiceGrpc.newStub(channel).writeStream(acks);
        try {
            while (acks.awaitRoom()) {
                long number = nextWrite.incrementAndGet();
                sent.add(number);
                acks.numbers.add(number);
                requests.onNext(WriteStreamRequest.newBuilder()
                        .setClientSequence(acks.numbers.size())
                        .setWrite(WriteRequest.parseFrom(Rows.request(Marks.NAMESPACE, lines(number))))
                        .build());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            channel.shutdownNow();
        }
    }

    /// What a stream's server acknowledges, cumulatively.
    private final class Acks implements StreamObserver<WriteStreamResponse> {
        /// By place in the stream.
        private final List<Long> numbers = new CopyOnWriteArrayList<>();
        private final Semaphore room = new Semaphore(IN_FLIGHT);
        private final long target;
        private final CountDownLatch enough;
        private volatile boolean ended;
        private long through;

        Acks(long target, CountDownLatch enough) {
            this.target = target;
            this.enough = enough;
        }

        /// False if the stream has ended.
        boolean awaitRoom() throws InterruptedException {
            room.acquire();
            return !ended;
        }

        @Override
        public void onNext(WriteStreamResponse response) {
            while (through < response.getAcknowledgedThrough()) {
                acknowledged.add(numbers.get((int) through));
                through++;
                room.release();
            }
            if (acknowledged.size() >= target) {
                enough.countDown();
            }
        }

        @Override
        public void onError(Throwable failure) {
            onCompleted(); // killed: what became of the writes in flight is not known
        }

        @Override
        public void onCompleted() {
            ended = true;
            enough.countDown();
            room.release();
        }
    }

    /// A write's rows are its own: `w` is its number, `i` the row in it.
    private static byte[] lines(long number) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < ROWS_PER_WRITE; i++) {
            long day = number % 3;
            lines.append("m,w=%d,i=%d v=%di %d%n".formatted(number, i, number * i, day * 86_400_000_000_000L + i));
        }
        return lines.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void requireEachOnce(SluiceServer server, Stores stores, int round) throws Exception {
        if (sent.isEmpty()) {
            return;
        }
        // The buffer first: rows that move to a file meanwhile are then found twice at most here, never missed; so
        // everything is persisted before it is counted.
        assertThat(server.run("persist")).isZero();
        List<String> rows = new ArrayList<>(stores.rowsInFiles());
        rows.addAll(Rows.query(server, Marks.NAMESPACE, "m"));
        assertThat(new HashSet<>(rows))
                .as("round %d, seed %d: rows that are there twice", round, SEED)
                .hasSize(rows.size());
        Map<Long, Integer> found = new HashMap<>();
        for (String row : rows) {
            long write = Long.parseLong(row.replaceAll(".*,w=(\\d+).*", "$1"));
            found.merge(write, 1, Integer::sum);
        }
        assertThat(found.keySet()).as("round %d: acknowledged writes", round).containsAll(acknowledged);
        assertThat(sent).as("round %d: nothing that was not sent", round).containsAll(found.keySet());
        assertThat(found.values()).as("round %d: whole writes", round).allMatch(count -> count == ROWS_PER_WRITE);
    }
}
