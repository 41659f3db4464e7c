package io.sluice.persist;

/// The queue of persist jobs at one moment.
///
/// @param unfinished jobs that are accepted and have not ended
/// @param depthLimit how many of them saturate the queue
/// @param ended jobs that have ended since the start, good or bad
public record PersistBacklog(int unfinished, int depthLimit, long ended) {
    /// Jobs that must end until a queue that is saturated is so no more; 0 or less if there are none.
    public int untilHalfFree() {
        return unfinished - depthLimit / 2;
    }
}
