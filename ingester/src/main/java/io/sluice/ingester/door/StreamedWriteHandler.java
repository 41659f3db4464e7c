package io.sluice.ingester.door;

import io.sluice.wal.AppendSession;
import java.util.Optional;
import java.util.function.Consumer;

/// Takes the writes of streams, too: many at once, each with room of its own. Any thread may call any method.
public interface StreamedWriteHandler extends WriteHandler {
    /// Why a write may not even wait for room: those that wait hold their requests, and together too many bytes. Empty
    /// if it may ask.
    default Optional<WriteOutcome.Refused> crowded(long requestBytes) {
        return Optional.empty();
    }

    /// Asks for room for a write; first come, first served, however long it takes.
    ///
    /// @param admitted is handed the room, once: at once on this thread, or later on another, which it must
    ///     not block
    Waiting enter(long requestBytes, Consumer<WritePermit> admitted);

    /// Writes one request, all of it or nothing. Writes that one thread hands over one after the other stand in the log
    /// in that order.
    ///
    /// @param request the bytes of a `sluice.v1.WriteRequest`; not changed by anybody from now on
    /// @param session of the stream: once the log has refused a write of it, it takes none of those behind
    /// @param catalog the write's way to the catalog; left when this returns
    /// @param permit is given back when the outcome is known, whatever the client does
    /// @param told hears the outcome, once, just before the room is given back, so that who waits for that
    ///     room can know it; possibly on a thread that must not be blocked
    void write(
            byte[] request,
            AppendSession session,
            CatalogAccess catalog,
            WritePermit permit,
            Consumer<WriteOutcome> told);

    /// As [#write(byte[], AppendSession, CatalogAccess, WritePermit, Consumer)], of a write that is handed over within
    /// microseconds and waits for nothing: for threads that must not be blocked.
    ///
    /// @return false if it is no such write: then nothing was done, and the permit is the caller's still
    default boolean tryWrite(byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
        return false;
    }
}
