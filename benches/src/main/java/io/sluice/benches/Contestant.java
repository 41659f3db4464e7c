package io.sluice.benches;

import io.sluice.wal.AppendListener;
import java.io.IOException;

/// Something that makes payloads durable.
interface Contestant extends AutoCloseable {
    /// Makes a payload durable. Any thread may call, unless it says otherwise.
    ///
    /// @param payload not to be changed
    /// @param listener hears of it on any thread, maybe before this returns
    /// @throws IOException if it was not taken; the listener hears nothing then
    void append(byte[] payload, AppendListener listener) throws IOException, InterruptedException;

    /// Whether [#append] returns only when the payload is durable, so that several in flight need as many threads.
    boolean isBlocking();

    /// Lets go of what it gathers in memory. Called between windows, while nothing is in flight.
    default void refresh() throws IOException {}

    /// Stops it; nothing is in flight.
    @Override
    void close() throws IOException;
}
