package io.sluice.ingester.status;

import io.sluice.persist.retry.Outage;

/// Something that the server needs, and that does not answer.
///
/// @param what `object store` or `catalog`
/// @param where its address, without a password
public record Down(String what, String where, Outage outage) {
    /// What is down, since when, how often it was tried, and why it failed last.
    public String inWords() {
        return "the %s %s has not answered since %s, %d calls failed, the last one at %s: %s"
                .formatted(what, where, outage.since(), outage.attempts(), outage.lastAt(), outage.lastError());
    }

    /// What is down, and since when: for clients.
    public String inBrief() {
        return "the %s %s has not answered since %s".formatted(what, where, outage.since());
    }
}
