package io.sluice.persist;

import io.sluice.model.PartitionId;
import java.nio.charset.StandardCharsets;

/// Which worker a partition belongs to: the same in every run and in every process.
///
/// A partition is hashed to 64 bits with FNV-1a over its table's number (8 bytes, little-endian) and its key in
/// UTF-8, then mixed, since FNV leaves the high bits of short keys alike. The bucket is chosen by jump consistent
/// hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014): from n to n + 1 buckets, one
/// partition in n + 1 moves, and only to the new bucket.
final class LaneHash {
    // FNV-1a, 64 bits: offset basis and prime (Fowler, Noll, Vo).
    private static final long FNV_BASIS = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    private LaneHash() {}

    /// The lane of a partition, 0 to `lanes - 1`.
    static int lane(PartitionId partition, int lanes) {
        return bucket(hash(partition), lanes);
    }

    static long hash(PartitionId partition) {
        long hash = FNV_BASIS;
        long table = partition.tableId().value();
        for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
            hash = (hash ^ (table >>> shift & 0xff)) * FNV_PRIME;
        }
        for (byte b : partition.key().value().getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * FNV_PRIME;
        }
        return mixed(hash);
    }

    /// Jump consistent hash.
    ///
    /// @throws IllegalArgumentException if `buckets` is not positive
    static int bucket(long key, int buckets) {
        if (buckets < 1) {
            throw new IllegalArgumentException("buckets must be positive: " + buckets);
        }
        long state = key;
        long bucket = -1;
        long next = 0;
        while (next < buckets) {
            bucket = next;
            state = state * 2862933555777941757L + 1;
            next = (long) ((bucket + 1) * ((double) (1L << 31) / (double) ((state >>> 33) + 1)));
        }
        return (int) bucket;
    }

    // The finalizer of MurmurHash3 (Appleby), a bijection that lets every bit change every other.
    private static long mixed(long value) {
        long hash = value;
        hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
        hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return hash ^ (hash >>> 33);
    }
}
