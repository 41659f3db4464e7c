package io.sluice.persist.store;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompleteMultipartUploadRequest;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.UploadPartResponse;

/// An object on its way to S3: one request if it is small, else parts that are sent while the rest is written.
///
/// At most [#MAX_PARTS_IN_FLIGHT] parts are on their way; then the writer waits. Each upload has an id of its own in
/// the object's metadata. The object is created under the condition that there is none of the name, so a second request
/// after a lost answer is refused; whoever is refused looks: if the object has this upload's id and length, it is
/// complete. An object of another upload is replaced, as the port promises.
final class S3Upload implements ObjectUpload {
    private static final Logger LOG = LoggerFactory.getLogger(S3Upload.class);

    /// S3 takes 10,000 parts, so this makes 80 GB. A part is held in memory until it has arrived.
    static final int PART_BYTES = 8 << 20;

    static final int MAX_PARTS = 10_000;

    /// Beside the part that is being filled: one fewer leaves the line idle while the next is handed over, more take
    /// memory and gain nothing over one connection's speed twice.
    static final int MAX_PARTS_IN_FLIGHT = 2;

    private static final int FIRST_BUFFER_BYTES = 256 << 10;
    private static final String ID = "sluice-upload";

    private final S3ObjectStore store;
    private final S3Client client;
    private final S3Calls calls;
    private final String bucket;
    private final String key;
    private final String name;
    private final StoreContext context;
    private final String id;
    private final OutputStream out = new PartStream();

    private byte[] buffer = new byte[FIRST_BUFFER_BYTES];
    private int length;
    private long sizeBytes;
    private @Nullable String multipartId;
    private boolean mustNotExist = true;
    private int parts;
    private final Deque<S3Part> inFlight = new ArrayDeque<>();
    private final List<CompletedPart> arrived = new ArrayList<>();
    private volatile boolean ended;

    S3Upload(
            S3ObjectStore store,
            S3Client client,
            S3Calls calls,
            String bucket,
            String key,
            String name,
            StoreContext context) {
        this.store = store;
        this.client = client;
        this.calls = calls;
        this.bucket = bucket;
        this.key = key;
        this.name = name;
        this.context = context;
        this.id = store.newUploadId();
    }

    /// The part that is being filled, grown by doubling and so beside its smaller self, and those on their way.
    static long memoryBytes(long contentBytes) {
        return contentBytes < PART_BYTES
                ? FIRST_BUFFER_BYTES + 2 * contentBytes
                : Math.min(contentBytes, (long) PART_BYTES * MAX_PARTS_IN_FLIGHT) + PART_BYTES;
    }

    @Override
    public OutputStream out() {
        return out;
    }

    private final class PartStream extends OutputStream {
        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int count) throws IOException {
            if (ended) {
                throw new IOException("upload of '%s' has ended".formatted(name));
            }
            int position = offset;
            int left = count;
            while (left > 0) {
                if (length == PART_BYTES) {
                    sendPart();
                }
                int some = Math.min(left, PART_BYTES - length);
                reserve(length + some);
                System.arraycopy(bytes, position, buffer, length, some);
                length += some;
                position += some;
                left -= some;
            }
        }
    }

    private void reserve(int wanted) {
        if (wanted > buffer.length) {
            buffer = Arrays.copyOf(buffer, Math.min(PART_BYTES, Math.max(wanted, 2 * buffer.length)));
        }
    }

    /// Hands the buffer over to be sent, once there is room among those on their way.
    private void sendPart() throws IOException {
        String upload = multipartId;
        if (upload == null) {
            upload = begin();
            multipartId = upload;
        }
        if (parts == MAX_PARTS) {
            throw new IOException("object '%s' is longer than %d parts of %d bytes: expected smaller files"
                    .formatted(name, MAX_PARTS, PART_BYTES));
        }
        byte[] next = inFlight.size() == MAX_PARTS_IN_FLIGHT ? awaitOldest() : new byte[FIRST_BUFFER_BYTES];
        parts++;
        int number = parts;
        byte[] content = buffer;
        int contentBytes = length;
        String multipart = upload;
        S3Part part = new S3Part(content, () -> send(multipart, number, content, contentBytes));
        inFlight.add(part);
        buffer = next;
        length = 0;
        sizeBytes += contentBytes;
        context.uploads().execute(part);
    }

    private String begin() throws IOException {
        String doing = "begin to upload object '%s'".formatted(name);
        // A multipart upload whose completion was refused may be gone, so it is known before what will be asked for.
        mustNotExist = store.head(name).isEmpty();
        try {
            return calls.run(
                    doing,
                    () -> client.createMultipartUpload(
                                    request -> request.bucket(bucket).key(key).metadata(Map.of(ID, id)))
                            .uploadId());
        } catch (SdkException e) {
            throw calls.failure(doing, e);
        }
    }

    private CompletedPart send(String multipart, int number, byte[] content, int contentBytes) throws IOException {
        String doing = "upload part %d of object '%s'".formatted(number, name);
        try {
            UploadPartResponse response = calls.run(
                    doing,
                    () -> !ended,
                    () -> client.uploadPart(
                            request -> request.bucket(bucket)
                                    .key(key)
                                    .uploadId(multipart)
                                    .partNumber(number)
                                    .contentLength((long) contentBytes),
                            body(content, contentBytes)));
            return CompletedPart.builder()
                    .partNumber(number)
                    .eTag(response.eTag())
                    .checksumCRC32(response.checksumCRC32())
                    .checksumCRC32C(response.checksumCRC32C())
                    .checksumCRC64NVME(response.checksumCRC64NVME())
                    .checksumSHA1(response.checksumSHA1())
                    .checksumSHA256(response.checksumSHA256())
                    .build();
        } catch (SdkException e) {
            throw calls.failure(doing, e);
        }
    }

    /// Reads the array itself, as often as it takes: the library's own body of an array is a copy.
    private static RequestBody body(byte[] content, int contentBytes) {
        return RequestBody.fromContentProvider(
                () -> new ByteArrayInputStream(content, 0, contentBytes), contentBytes, "application/octet-stream");
    }

    /// Waits for the part that was sent first.
    ///
    /// @return its array, to be used again
    private byte[] awaitOldest() throws IOException {
        S3Part oldest = inFlight.getFirst();
        arrived.add(oldest.await("upload object '%s'".formatted(name)));
        inFlight.removeFirst();
        return oldest.content();
    }

    @Override
    public ObjectInfo complete() throws IOException {
        if (ended) {
            throw new IllegalStateException("upload of '%s' has ended".formatted(name));
        }
        if (multipartId == null) {
            sizeBytes = length;
            createOrReplace(this::put);
        } else {
            if (length > 0) {
                sendPart();
            }
            while (!inFlight.isEmpty()) {
                var _ = awaitOldest();
            }
            createOrReplace(this::completeMultipart);
        }
        ended = true;
        ObjectInfo info = verify();
        buffer = new byte[0];
        return info;
    }

    /// One request that makes the object visible.
    @FunctionalInterface
    private interface Creation {
        void run(boolean mustNotExist);
    }

    private void createOrReplace(Creation creation) throws IOException {
        String doing = "complete object '%s'".formatted(name);
        try {
            create(doing, creation, mustNotExist);
        } catch (SdkException e) {
            if (isComplete()) {
                return; // an earlier request did it, and its answer was lost
            }
            if (!S3Failures.isPreconditionFailed(e)) {
                throw calls.failure(doing, e);
            }
            LOG.debug("object '{}' is replaced in {}", name, store.describe());
            replace(doing, creation);
        }
    }

    private void replace(String doing, Creation creation) throws IOException {
        try {
            create(doing, creation, false);
        } catch (SdkException e) {
            if (!isComplete()) {
                throw calls.failure(doing, e);
            }
        }
    }

    private void create(String doing, Creation creation, boolean isConditional) throws IOException {
        calls.run(doing, () -> {
            creation.run(isConditional);
            return true;
        });
    }

    private void put(boolean isConditional) {
        PutObjectRequest.Builder request = PutObjectRequest.builder()
                .bucket(bucket)
                .key(key)
                .contentLength((long) length)
                .metadata(Map.of(ID, id));
        if (isConditional) {
            request.ifNoneMatch("*");
        }
        client.putObject(request.build(), body(buffer, length));
    }

    private void completeMultipart(boolean isConditional) {
        CompleteMultipartUploadRequest.Builder request = CompleteMultipartUploadRequest.builder()
                .bucket(bucket)
                .key(key)
                .uploadId(multipartId)
                .multipartUpload(completed -> completed.parts(arrived));
        if (isConditional) {
            request.ifNoneMatch("*");
        }
        client.completeMultipartUpload(request.build());
    }

    /// Looks at what the service says it has taken. It may be another upload's by now.
    private ObjectInfo verify() throws IOException {
        Optional<HeadObjectResponse> found = store.head(name);
        if (found.isEmpty() || (isOurs(found.get()) && found.get().contentLength() != sizeBytes)) {
            throw new IOException("object store %s: object '%s' was uploaded with %d bytes: found %s"
                    .formatted(
                            store.describe(),
                            name,
                            sizeBytes,
                            found.map(object -> object.contentLength() + " bytes")
                                    .orElse("none")));
        }
        return S3ObjectStore.info(name, sizeBytes, found.get().lastModified());
    }

    /// Whether the object is there, whole, and of this upload.
    private boolean isComplete() throws IOException {
        return store.head(name)
                .filter(object -> isOurs(object) && object.contentLength() == sizeBytes)
                .isPresent();
    }

    private boolean isOurs(HeadObjectResponse object) {
        return id.equals(object.metadata().get(ID));
    }

    /// One attempt to abort: if the service does not answer, `sluice gc` finds what is left.
    @Override
    public void close() {
        if (ended) {
            return;
        }
        ended = true;
        inFlight.forEach(S3Part::cancel);
        inFlight.forEach(S3Part::awaitEnd);
        buffer = new byte[0];
        if (multipartId != null) {
            try {
                client.abortMultipartUpload(
                        request -> request.bucket(bucket).key(key).uploadId(multipartId));
            } catch (SdkException | UncheckedIOException e) {
                if (!(e instanceof SdkException answer && S3Failures.isMissing(answer))) {
                    LOG.warn(
                            "object store {}: cannot abort upload {} of object '{}': {}; sluice gc --delete does",
                            store.describe(),
                            multipartId,
                            name,
                            e.getMessage());
                }
            }
        }
    }
}
