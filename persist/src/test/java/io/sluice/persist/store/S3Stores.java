package io.sluice.persist.store;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.fixtures.S3Server;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.net.URI;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Executor;

/// Opens stores on the S3 server of a test.
public final class S3Stores {
    static {
        // The standard chain of AWS reads these; each test process has its own.
        System.setProperty("aws.accessKeyId", S3Server.ACCESS_KEY);
        System.setProperty("aws.secretAccessKey", S3Server.SECRET_KEY);
    }

    private S3Stores() {}

    public static ObjectStore open(S3Server server, String prefix, Executor uploads) throws IOException {
        return open(server.endpoint(), S3Server.BUCKET + "/" + prefix, uploads, _ -> {}, new SimpleMeterRegistry());
    }

    static ObjectStore open(URI endpoint, String bucketAndPrefix, Executor uploads, Pause pause, MeterRegistry meters)
            throws IOException {
        return ObjectStores.open(settings(endpoint, bucketAndPrefix), context(uploads, pause, meters));
    }

    static ObjectStoreSettings settings(URI endpoint, String bucketAndPrefix) {
        return new ObjectStoreSettings("s3://" + bucketAndPrefix, Optional.of(endpoint), Optional.empty());
    }

    static StoreContext context(Executor uploads, Pause pause, MeterRegistry meters) {
        return new StoreContext(InstantSource.system(), pause, new Random(1), uploads, meters);
    }
}
