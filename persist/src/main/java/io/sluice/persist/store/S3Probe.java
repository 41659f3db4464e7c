package io.sluice.persist.store;

import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;

/// Asks a bucket one question at the start, and says in words why it cannot be used. A listing, as its refusal has a
/// reason in it, where that of a mere look has a status only; and as who may not list hears of a missing object that
/// access is denied.
final class S3Probe {
    private static final Set<String> DENIED = Set.of(
            "AccessDenied",
            "Forbidden",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "InvalidToken",
            "AllAccessDisabled",
            "AccountProblem");
    private static final Set<String> ELSEWHERE = Set.of(
            "PermanentRedirect",
            "TemporaryRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException");
    private static final int MOVED = 301;
    private static final int FORBIDDEN = 403;
    private static final String NO_CREDENTIALS = "Unable to load credentials";

    private S3Probe() {}

    static void check(S3Client client, S3Calls calls, S3Address address, ObjectStoreSettings settings, String where)
            throws IOException {
        try {
            calls.run(
                    "list its objects",
                    () -> client.listObjectsV2(request -> request.bucket(address.bucket())
                            .prefix(address.prefix())
                            .maxKeys(1)));
        } catch (SdkException e) {
            throw new IOException(explain(e, address, settings, where), e);
        } catch (IOException e) {
            if (e.getCause() instanceof SdkException cause && !S3Failures.isInterruption(cause)) {
                throw new IOException(explain(cause, address, settings, where), cause);
            }
            throw e;
        }
    }

    private static String explain(SdkException failure, S3Address address, ObjectStoreSettings settings, String where) {
        String found = S3Failures.describe(failure);
        if (!(failure instanceof AwsServiceException answer)) {
            return String.valueOf(failure.getMessage()).startsWith(NO_CREDENTIALS)
                    ? "object store %s: there are no credentials: expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile of AWS, or a role of this machine"
                            .formatted(where)
                    : "object store %s: it cannot be reached: %s".formatted(where, found);
        }
        String code = S3Failures.code(answer);
        if (code.equals(S3Failures.NO_SUCH_BUCKET) || S3Failures.isMissing(failure)) {
            return "object store %s: there is no bucket '%s': create it, or correct --object-store: %s"
                    .formatted(where, address.bucket(), found);
        }
        if (ELSEWHERE.contains(code) || answer.statusCode() == MOVED) {
            Optional<String> region = Optional.ofNullable(answer.awsErrorDetails())
                    .map(details -> details.sdkHttpResponse())
                    .flatMap(response -> response.firstMatchingHeader("x-amz-bucket-region"));
            return "object store %s: bucket '%s' is in another region: expected %s, found %s: %s"
                    .formatted(
                            where,
                            address.bucket(),
                            region.map(name -> "--s3-region " + name).orElse("its own as --s3-region"),
                            settings.region().orElse("the default of AWS"),
                            found);
        }
        if (DENIED.contains(code) || answer.statusCode() == FORBIDDEN) {
            return "object store %s: access is denied: expected credentials that may list, read, write and delete objects: %s"
                    .formatted(where, found);
        }
        return "object store %s: it cannot be used: %s".formatted(where, found);
    }
}
