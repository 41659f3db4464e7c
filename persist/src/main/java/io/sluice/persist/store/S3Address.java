package io.sluice.persist.store;

import java.util.Optional;
import java.util.regex.Pattern;

/// A bucket, and what all our keys in it begin with.
///
/// @param bucket its name, by the rules of S3
/// @param prefix empty, or ends with `/`
record S3Address(String bucket, String prefix) {
    static final String SCHEME = "s3://";

    /// Room for the longest name that an ingester gives: see [ObjectNames#MAX_ENCODED_BYTES].
    static final int MAX_PREFIX_BYTES = 256;

    private static final Pattern BUCKET = Pattern.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");

    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`; a slash at the end means nothing.
    ///
    /// @throws IllegalArgumentException saying what is wrong
    static S3Address parse(String address) {
        String rest = address.substring(SCHEME.length());
        int slash = rest.indexOf('/');
        String bucket = slash < 0 ? rest : rest.substring(0, slash);
        if (!BUCKET.matcher(bucket).matches()) {
            throw new IllegalArgumentException(
                    "object store '%s': expected s3://BUCKET/PREFIX with a bucket of 3 to 63 lower-case letters, digits, dots and hyphens"
                            .formatted(address));
        }
        String prefix = slash < 0 ? "" : rest.substring(slash + 1);
        if (prefix.endsWith("/")) {
            prefix = prefix.substring(0, prefix.length() - 1);
        }
        if (prefix.isEmpty()) {
            return new S3Address(bucket, "");
        }
        try {
            ObjectNames.check(prefix);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "object store '%s': the prefix as an %s".formatted(address, e.getMessage()), e);
        }
        if (prefix.length() > MAX_PREFIX_BYTES) {
            throw new IllegalArgumentException("object store '%s': the prefix is %d bytes long: expected at most %d"
                    .formatted(address, prefix.length(), MAX_PREFIX_BYTES));
        }
        return new S3Address(bucket, prefix + "/");
    }

    String key(String name) {
        return prefix + name;
    }

    /// The name of the object of a key; empty if it cannot be one of ours.
    Optional<String> findName(String key) {
        return Optional.of(key)
                .filter(found -> found.startsWith(prefix))
                .map(found -> found.substring(prefix.length()))
                .filter(ObjectNames::isName);
    }

    @Override
    public String toString() {
        String path = prefix.isEmpty() ? "" : "/" + prefix.substring(0, prefix.length() - 1);
        return SCHEME + bucket + path;
    }
}
