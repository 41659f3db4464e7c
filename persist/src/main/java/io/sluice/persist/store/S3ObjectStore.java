package io.sluice.persist.store;

import io.sluice.persist.retry.Backoff;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ListMultipartUploadsRequest;
import software.amazon.awssdk.services.s3.model.ListMultipartUploadsResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.MultipartUpload;
import software.amazon.awssdk.services.s3.model.S3Object;

/// Objects in a bucket of S3, or of a server that speaks its language. Several processes may share bucket and prefix.
///
/// Calls are made a few times, as [S3Calls] says, each with a time limit of its own; an outage is told to the caller,
/// who tries again as often as it wants. An upload sends its parts while it is written to, and is created under the
/// condition that no object of the name exists: see [S3Upload].
///
/// Times of change are whole seconds: not every call of S3 tells more.
final class S3ObjectStore implements ObjectStore {
    private static final Duration FIRST_RETRY = Duration.ofMillis(100);
    private static final Duration MAX_RETRY = Duration.ofSeconds(2);

    /// The most that S3 lists at once.
    private static final int PAGE_OBJECTS = 1_000;

    private final S3Client client;
    private final S3Address address;
    private final String where;
    private final S3Calls calls;
    private final StoreContext context;
    private final int pageObjects;

    /// @param client is the store's to close
    /// @param where address and endpoint, for people
    private S3ObjectStore(S3Client client, S3Address address, String where, StoreContext context, int pageObjects) {
        this.pageObjects = pageObjects;
        this.client = client;
        this.address = address;
        this.where = where;
        this.context = context;
        this.calls = new S3Calls(
                where, new Backoff(FIRST_RETRY, MAX_RETRY, context.random()), context.pause(), context.meters());
    }

    /// Opens a store, and makes sure that its bucket can be used.
    ///
    /// @throws IllegalArgumentException if the address is wrong
    /// @throws IOException saying what stands in the way, in one line
    static S3ObjectStore open(ObjectStoreSettings settings, StoreContext context) throws IOException {
        return open(settings, context, PAGE_OBJECTS);
    }

    static S3ObjectStore open(ObjectStoreSettings settings, StoreContext context, int pageObjects) throws IOException {
        S3Address address = S3Address.parse(settings.address());
        S3Client client = S3Clients.create(settings, address);
        String where = settings.endpoint()
                .map(endpoint -> "%s at %s".formatted(address, endpoint))
                .orElseGet(address::toString);
        S3ObjectStore store = new S3ObjectStore(client, address, where, context, pageObjects);
        boolean done = false;
        try {
            S3Probe.check(client, store.calls, address, settings, where);
            done = true;
            return store;
        } finally {
            if (!done) {
                store.close();
            }
        }
    }

    @Override
    public ObjectUpload upload(String name) {
        return new S3Upload(this, client, calls, address.bucket(), address.key(ObjectNames.check(name)), name, context);
    }

    @Override
    public long uploadMemoryBytes(long contentBytes) {
        return S3Upload.memoryBytes(contentBytes);
    }

    @Override
    public InputStream open(String name) throws IOException {
        return open(name, 0);
    }

    @Override
    public InputStream open(String name, long positionBytes) throws IOException {
        GetObjectRequest.Builder request =
                GetObjectRequest.builder().bucket(address.bucket()).key(address.key(ObjectNames.check(name)));
        if (positionBytes > 0) {
            request.range("bytes=%d-".formatted(positionBytes));
        }
        String doing = "open object '%s'".formatted(name);
        try {
            return calls.run(doing, () -> client.getObject(request.build()));
        } catch (SdkException e) {
            if (S3Failures.isMissing(e)) {
                throw missing(name, e);
            }
            throw calls.failure(doing, e);
        }
    }

    private NoSuchFileException missing(String name, SdkException cause) {
        var missing = new NoSuchFileException(address + "/" + name);
        missing.initCause(cause);
        return missing;
    }

    @Override
    public Optional<ObjectInfo> find(String name) throws IOException {
        return head(name).map(found -> info(name, found.contentLength(), found.lastModified()));
    }

    /// What S3 tells of an object; empty if there is none.
    Optional<HeadObjectResponse> head(String name) throws IOException {
        String key = address.key(ObjectNames.check(name));
        String doing = "look at object '%s'".formatted(name);
        try {
            return Optional.of(calls.run(
                    doing,
                    () -> client.headObject(
                            request -> request.bucket(address.bucket()).key(key))));
        } catch (SdkException e) {
            if (S3Failures.isMissing(e)) {
                return Optional.empty();
            }
            throw calls.failure(doing, e);
        }
    }

    static ObjectInfo info(String name, long sizeBytes, Instant modifiedAt) {
        return new ObjectInfo(name, sizeBytes, modifiedAt.truncatedTo(ChronoUnit.SECONDS));
    }

    @Override
    public void list(String prefix, Consumer<ObjectInfo> consumer) throws IOException {
        if (!ObjectNames.mayBegin(prefix)) {
            return;
        }
        ListObjectsV2Request.Builder request = ListObjectsV2Request.builder()
                .bucket(address.bucket())
                .prefix(address.key(prefix))
                .maxKeys(pageObjects);
        boolean isLast = false;
        while (!isLast) {
            ListObjectsV2Response page = answer("list objects", () -> client.listObjectsV2(request.build()));
            for (S3Object object : page.contents()) {
                address.findName(object.key())
                        .ifPresent(name -> consumer.accept(info(name, object.size(), object.lastModified())));
            }
            isLast = !Boolean.TRUE.equals(page.isTruncated());
            request.continuationToken(page.nextContinuationToken());
        }
    }

    @Override
    public void delete(String name) throws IOException {
        String key = address.key(ObjectNames.check(name));
        String doing = "delete object '%s'".formatted(name);
        try {
            calls.run(
                    doing,
                    () -> client.deleteObject(
                            request -> request.bucket(address.bucket()).key(key)));
        } catch (SdkException e) {
            if (!S3Failures.isMissing(e)) {
                throw calls.failure(doing, e);
            }
        }
    }

    /// The ids of a name's uploads are the service's own, so all pages are asked for, whoever began what is on them.
    @Override
    public void listUnfinished(Consumer<UnfinishedUpload> consumer) throws IOException {
        ListMultipartUploadsRequest.Builder request =
                ListMultipartUploadsRequest.builder().bucket(address.bucket());
        boolean isLast = false;
        while (!isLast) {
            ListMultipartUploadsResponse page =
                    answer("list unfinished uploads", () -> client.listMultipartUploads(request.build()));
            for (MultipartUpload upload : page.uploads()) {
                address.findName(upload.key())
                        .ifPresent(name ->
                                consumer.accept(new UnfinishedUpload(name, upload.uploadId(), upload.initiated())));
            }
            isLast = !Boolean.TRUE.equals(page.isTruncated());
            request.keyMarker(page.nextKeyMarker()).uploadIdMarker(page.nextUploadIdMarker());
        }
    }

    @Override
    public void discard(UnfinishedUpload upload) throws IOException {
        String key = address.key(ObjectNames.check(upload.name()));
        String doing = "abort upload %s of object '%s'".formatted(upload.id(), upload.name());
        try {
            calls.run(
                    doing,
                    () -> client.abortMultipartUpload(
                            request -> request.bucket(address.bucket()).key(key).uploadId(upload.id())));
        } catch (SdkException e) {
            if (!S3Failures.isMissing(e)) {
                throw calls.failure(doing, e);
            }
        }
    }

    private <T> T answer(String doing, S3Calls.Call<T> call) throws IOException {
        try {
            return calls.run(doing, call);
        } catch (SdkException e) {
            throw calls.failure(doing, e);
        }
    }

    /// Tells an upload from all others, those of other processes included.
    String newUploadId() {
        RandomGenerator random = context.random();
        synchronized (random) {
            return new UUID(random.nextLong(), random.nextLong()).toString();
        }
    }

    @Override
    public String describe() {
        return where;
    }

    @Override
    public void close() {
        client.close();
    }
}
