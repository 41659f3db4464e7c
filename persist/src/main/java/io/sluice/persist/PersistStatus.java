package io.sluice.persist;

import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.TableName;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// What the persister is doing at one moment.
///
/// @param unfinished accepted jobs that are not done, those under way included
/// @param queueDepth how many of them saturate the queue
/// @param isSaturated whether the queue was full and is not yet half free
/// @param jobs those that are not simply queued: under way, or waiting to be tried again
/// @param gate who is at work, and who waits for a slot or for memory
/// @param files catalogued since the start
/// @param rows in those files
/// @param bytes of those files
/// @param retries attempts that failed and were or will be made again, since the start
/// @param lastError the latest failure, if there was one
public record PersistStatus(
        int unfinished,
        int queueDepth,
        boolean isSaturated,
        List<Job> jobs,
        Gate gate,
        long files,
        long rows,
        long bytes,
        long retries,
        Optional<Failure> lastError) {
    public PersistStatus {
        jobs = List.copyOf(jobs);
    }

    /// The gate before the part of a job that needs memory.
    ///
    /// @param active jobs inside
    /// @param slots jobs that may be inside, save those that somebody waits for
    /// @param usedBytes memory granted to them
    /// @param limitBytes memory that may be granted
    /// @param waiting jobs that wait for either
    /// @param oldestWait how long the longest of them has waited; zero if none waits
    /// @param timeouts waits that were too long and began anew, in the old place, since the start
    public record Gate(
            int active, int slots, long usedBytes, long limitBytes, int waiting, Duration oldestWait, long timeouts) {}

    /// A job that is under way.
    ///
    /// @param since when it came to that stage
    /// @param failures how often it failed so far
    /// @param lastError why it failed last
    public record Job(
            NamespaceName namespace,
            TableName table,
            PartitionKey partition,
            PersistStage stage,
            Instant since,
            int failures,
            Optional<String> lastError) {}

    /// A failed attempt.
    public record Failure(Instant at, NamespaceName namespace, TableName table, PartitionKey partition, String error) {}
}
