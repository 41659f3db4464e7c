package io.sluice.persist.store;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.exception.SdkException;

/// What the failures of S3 and of its client mean.
final class S3Failures {
    static final String NO_SUCH_BUCKET = "NoSuchBucket";

    private static final int PRECONDITION_FAILED = 412;
    private static final int NOT_FOUND = 404;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int REQUEST_TIMEOUT = 408;
    private static final int SERVER_ERROR = 500;
    private static final int NOT_IMPLEMENTED = 501;

    /// Codes of answers that are not of the class 5xx, and pass all the same. `InternalError` also comes with status
    /// 200, when the completion of an upload fails after its answer began.
    private static final Set<String> PASSING_CODES = Set.of(
            "RequestTimeout",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "InternalError",
            "ServiceUnavailable",
            "OperationAborted",
            "ConditionalRequestConflict");

    // A cause chain longer than this is a ring.
    private static final int MAX_CAUSES = 20;

    private S3Failures() {}

    /// Whether the same call may succeed in a moment.
    static boolean isPassing(SdkException failure) {
        if (failure instanceof AwsServiceException answer) {
            int status = answer.statusCode();
            return (status >= SERVER_ERROR && status != NOT_IMPLEMENTED)
                    || status == TOO_MANY_REQUESTS
                    || status == REQUEST_TIMEOUT
                    || PASSING_CODES.contains(code(answer));
        }
        return failure instanceof RetryableException
                || failure instanceof ApiCallAttemptTimeoutException
                || failure instanceof ApiCallTimeoutException
                || findIo(failure).isPresent();
    }

    /// Whether the thread was interrupted while it waited.
    static boolean isInterruption(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
            if (cause instanceof AbortedException || cause instanceof InterruptedException) {
                return true;
            }
            cause = cause.getCause();
        }
        return false;
    }

    static boolean isMissing(SdkException failure) {
        return failure instanceof AwsServiceException answer
                && answer.statusCode() == NOT_FOUND
                && !code(answer).equals(NO_SUCH_BUCKET);
    }

    /// Whether the object was there when it should not have been.
    static boolean isPreconditionFailed(SdkException failure) {
        return failure instanceof AwsServiceException answer && answer.statusCode() == PRECONDITION_FAILED;
    }

    /// One line that says what the service or the client found.
    static String describe(SdkException failure) {
        if (failure instanceof AwsServiceException answer) {
            String message = Optional.ofNullable(answer.awsErrorDetails())
                    .map(details -> details.errorMessage())
                    .orElse("");
            return "%s (status %d%s)%s"
                    .formatted(
                            code(answer).isEmpty() ? "refused" : code(answer),
                            answer.statusCode(),
                            answer.requestId() == null ? "" : ", request " + answer.requestId(),
                            message == null || message.isEmpty() ? "" : ": " + message.strip());
        }
        return findIo(failure).map(S3Failures::describe).orElseGet(() -> String.valueOf(failure.getMessage()));
    }

    private static String describe(IOException failure) {
        String message = failure.getMessage();
        return failure.getClass().getSimpleName() + (message == null ? "" : ": " + message);
    }

    static String code(AwsServiceException answer) {
        return Optional.ofNullable(answer.awsErrorDetails())
                .map(details -> details.errorCode())
                .orElse("");
    }

    private static Optional<IOException> findIo(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
            if (cause instanceof IOException io) {
                return Optional.of(io);
            }
            cause = cause.getCause();
        }
        return Optional.empty();
    }

    /// As an `IOException` that a caller may find in an interrupted thread.
    static InterruptedIOException interrupted(String doing, Throwable cause) {
        Thread.currentThread().interrupt();
        var interrupted = new InterruptedIOException(doing + ": interrupted");
        interrupted.initCause(cause);
        return interrupted;
    }
}
