package io.sluice.ingester.grpc;

import com.google.rpc.Code;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/// Answers calls that ask the catalog, or says why there is no answer.
final class CatalogCalls {
    /// The most items of one answer.
    static final int MAX_PAGE = 1_000;

    private static final Duration RETRY_AFTER = Duration.ofSeconds(2);

    private CatalogCalls() {}

    /// A call's answer, or why there is none.
    @FunctionalInterface
    interface Answer<T> {
        T get() throws IOException, RefusedException;
    }

    /// The call makes no sense, or contradicts what there is.
    static final class RefusedException extends Exception {
        private final transient Failure failure;

        RefusedException(Failure failure) {
            super(failure.message(), null, false, false);
            this.failure = failure;
        }

        RefusedException(Code code, String reason, String message) {
            this(new Failure(code, reason, message, false, Optional.empty()));
        }
    }

    /// How many items an answer may have.
    ///
    /// @param asked as on the wire, where 0 and what is above the limit mean the limit; negative: above 2^31
    static int limit(int asked) {
        return asked <= 0 || asked > MAX_PAGE ? MAX_PAGE : asked;
    }

    /// Sends an answer.
    ///
    /// @param changes whether the call may have done something although it fails
    /// @param invalid the reason for an argument that is none
    static <T> void answer(StreamObserver<T> reply, boolean changes, String invalid, Answer<T> answer) {
        T message;
        try {
            message = answer.get();
        } catch (RefusedException e) {
            reply.onError(Statuses.of(e.failure));
            return;
        } catch (IllegalArgumentException e) {
            reply.onError(Statuses.of(new Failure(
                    Code.INVALID_ARGUMENT, invalid, String.valueOf(e.getMessage()), false, Optional.empty())));
            return;
        } catch (IOException e) {
            reply.onError(Statuses.of(new Failure(
                    Code.UNAVAILABLE,
                    "CATALOG_UNAVAILABLE",
                    "the catalog does not answer: " + e.getMessage(),
                    changes,
                    Optional.of(RETRY_AFTER))));
            return;
        } catch (RuntimeException e) {
            reply.onError(Statuses.of(Failure.unexpected(e, changes)));
            return;
        }
        reply.onNext(message);
        reply.onCompleted();
    }
}
