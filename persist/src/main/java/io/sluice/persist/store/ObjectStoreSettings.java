package io.sluice.persist.store;

import java.net.URI;
import java.util.Optional;

/// Which object store, and how to reach it.
///
/// @param address `file:DIR`, `s3://BUCKET` or `s3://BUCKET/PREFIX`
/// @param endpoint where an S3 that is not Amazon's listens: `http://127.0.0.1:9000`. The bucket is then
///     part of the path, not of the host's name
/// @param region of the bucket; empty: as the usual variables and files of AWS say
public record ObjectStoreSettings(String address, Optional<URI> endpoint, Optional<String> region) {
    /// A store that needs no more than its address.
    public static ObjectStoreSettings of(String address) {
        return new ObjectStoreSettings(address, Optional.empty(), Optional.empty());
    }

    /// Whether objects go to S3.
    public boolean isS3() {
        return address.startsWith(S3Address.SCHEME);
    }
}
