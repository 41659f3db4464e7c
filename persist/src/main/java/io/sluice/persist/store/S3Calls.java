package io.sluice.persist.store;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.persist.retry.Backoff;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;

/// Calls S3, again where a failure may pass in a moment. What lasts longer is the caller's to try again. Any thread
/// may call any method.
final class S3Calls {
    private static final Logger LOG = LoggerFactory.getLogger(S3Calls.class);

    /// A slow answer, a lost connection: more than that in a row is an outage, about which callers have to know.
    static final int MAX_ATTEMPTS = 4;

    private final String where;
    private final Backoff backoff;
    private final Pause pause;
    private final Counter retries;

    /// @param where which store, for errors
    S3Calls(String where, Backoff backoff, Pause pause, MeterRegistry meters) {
        this.where = where;
        this.backoff = backoff;
        this.pause = pause;
        this.retries = Counter.builder("sluice.object.store.retry")
                .description("Calls of the object store that failed and were made again at once")
                .register(meters);
    }

    @FunctionalInterface
    interface Call<T> {
        T run() throws IOException;
    }

    /// Makes a call, several times if it must.
    ///
    /// @param doing for the error: "upload object 'a'"
    /// @throws SdkException as the last attempt says, if it is one of the answers that callers tell apart:
    ///     no such object, or a condition that does not hold
    /// @throws IOException in all other cases
    <T> T run(String doing, Call<T> call) throws IOException {
        return run(doing, () -> true, call);
    }

    /// As [#run(String, Call)].
    ///
    /// @param goesOn whether another attempt makes sense
    <T> T run(String doing, BooleanSupplier goesOn, Call<T> call) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                return attempt(call);
            } catch (SdkException e) {
                if (S3Failures.isInterruption(e)) {
                    throw S3Failures.interrupted("object store %s: cannot %s".formatted(where, doing), e);
                }
                if (S3Failures.isMissing(e) || S3Failures.isPreconditionFailed(e)) {
                    throw e;
                }
                if (attempt == MAX_ATTEMPTS || !S3Failures.isPassing(e) || !goesOn.getAsBoolean()) {
                    throw failure(doing, e);
                }
                awaitNext(doing, attempt, e);
            }
        }
    }

    /// The HTTP client lets some broken connections through as they are.
    private static <T> T attempt(Call<T> call) throws IOException {
        try {
            return call.run();
        } catch (UncheckedIOException e) {
            throw SdkClientException.create(String.valueOf(e.getMessage()), e.getCause());
        }
    }

    private void awaitNext(String doing, int attempt, SdkException failure) throws IOException {
        LOG.debug("object store {}: cannot {}, attempt {}", where, doing, attempt, failure);
        retries.increment();
        try {
            pause.await(backoff.delay(attempt));
        } catch (InterruptedException e) {
            throw S3Failures.interrupted("object store %s: cannot %s".formatted(where, doing), e);
        }
    }

    IOException failure(String doing, SdkException cause) {
        return new IOException(
                "object store %s: cannot %s: %s".formatted(where, doing, S3Failures.describe(cause)), cause);
    }
}
