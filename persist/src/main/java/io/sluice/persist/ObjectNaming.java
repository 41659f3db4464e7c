package io.sluice.persist;

import io.sluice.persist.store.ObjectNames;
import java.util.regex.Pattern;

/// How an ingester names its objects.
///
/// `namespace/table/partition key/ingester-min-max-epoch.parquet`: the first three as [ObjectNames#encode] writes
/// them; the ingester's UUID; the least and greatest sequence number, 20 digits each; the ingester's epoch, 10
/// digits. So the files of a partition sort by ingester and sequence.
///
/// The name follows from the request and the epoch alone: another attempt replaces the object of the one before, and
/// two processes that were started on copies of one log folder never touch each other's.
final class ObjectNaming {
    private static final Pattern NAME = Pattern.compile(
            "[^/]+/[^/]+/[^/]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{20}-[0-9]{20}-[0-9]{10,19}\\.parquet");

    private ObjectNaming() {}

    static String name(PersistRequest request, long epoch) {
        return "%s/%s/%s/%s-%020d-%020d-%010d.parquet"
                .formatted(
                        ObjectNames.encode(request.schema().namespace().value()),
                        ObjectNames.encode(request.schema().table().value()),
                        ObjectNames.encode(request.key().value()),
                        request.ingester(),
                        request.minSequence().value(),
                        request.maxSequence().value(),
                        epoch);
    }

    /// Whether an ingester may have named an object so.
    static boolean isName(String name) {
        return NAME.matcher(name).matches();
    }
}
