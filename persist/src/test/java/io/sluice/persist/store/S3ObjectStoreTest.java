package io.sluice.persist.store;

import io.sluice.fixtures.S3Server;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/// The port's promises, kept by a real server of S3's language in a process of its own.
final class S3ObjectStoreTest extends ObjectStoreContractTest {
    @TempDir
    private static Path folder;

    private static S3Server server;
    private static ExecutorService uploads;
    private static final AtomicInteger PREFIXES = new AtomicInteger();

    private ObjectStore store;

    @BeforeAll
    static void startServer() throws IOException, InterruptedException {
        server = S3Server.start(folder);
        uploads = Executors.newVirtualThreadPerTaskExecutor();
    }

    @AfterAll
    static void stopServer() {
        server.close();
        uploads.close();
    }

    @BeforeEach
    void open() throws IOException {
        store = S3Stores.open(server, "prefix-" + PREFIXES.incrementAndGet(), uploads);
    }

    @AfterEach
    void close() throws IOException {
        store.close();
    }

    @Override
    ObjectStore store() {
        return store;
    }
}
