package io.sluice.persist.store;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.AwsProfileRegionProvider;
import software.amazon.awssdk.regions.providers.AwsRegionProviderChain;
import software.amazon.awssdk.regions.providers.SystemSettingsRegionProvider;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;

/// Makes clients of S3: credentials by the standard chain of AWS, one attempt for each call, all attempts with time
/// limits.
final class S3Clients {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    /// Between two bytes of an answer.
    private static final Duration SOCKET_TIMEOUT = Duration.ofSeconds(30);
    /// For a part of [S3Upload#PART_BYTES] over a line of one megabit a second.
    private static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(90);

    /// What servers other than Amazon's call theirs if nobody told them.
    private static final Region USUAL_REGION = Region.US_EAST_1;

    private S3Clients() {}

    /// @throws IOException if there is no region for a bucket of Amazon's
    static S3Client create(ObjectStoreSettings settings, S3Address address) throws IOException {
        S3ClientBuilder builder = S3Client.builder()
                .httpClientBuilder(UrlConnectionHttpClient.builder()
                        .connectionTimeout(CONNECT_TIMEOUT)
                        .socketTimeout(SOCKET_TIMEOUT))
                .overrideConfiguration(configuration -> configuration
                        .retryStrategy(AwsRetryStrategy.doNotRetry())
                        .apiCallAttemptTimeout(ATTEMPT_TIMEOUT));
        settings.region().map(Region::of).ifPresent(builder::region);
        settings.endpoint()
                .ifPresent(endpoint -> builder.endpointOverride(endpoint)
                        .forcePathStyle(true)
                        .region(settings.region().map(Region::of).orElseGet(S3Clients::regionOfEndpoint))
                        // Servers other than Amazon's may not know the newer checksums. Over HTTP the signature covers
                        // the content; over HTTPS the connection does.
                        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED));
        try {
            return builder.build();
        } catch (SdkClientException e) {
            throw new IOException(
                    "object store %s: its region is not known: expected --s3-region, or AWS_REGION: %s"
                            .formatted(
                                    address,
                                    Optional.ofNullable(e.getMessage())
                                            .orElse("")
                                            .lines()
                                            .findFirst()
                                            .orElse("")),
                    e);
        }
    }

    /// As variables and files say; the machine is not asked, as it is none of Amazon's.
    private static Region regionOfEndpoint() {
        try {
            return new AwsRegionProviderChain(new SystemSettingsRegionProvider(), new AwsProfileRegionProvider())
                    .getRegion();
        } catch (SdkClientException e) {
            return USUAL_REGION;
        }
    }
}
