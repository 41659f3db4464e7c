package io.sluice.wal;

import java.util.Optional;

/// Ties entries together that must not be in the log without those before them: once an entry of a session was
/// refused through its listener, the log refuses all that are queued behind it, and all that ever come, for the same
/// reason, also if there is room by then. So whoever hears late of the refusal does not leave a hole.
///
/// What [Wal#append] itself refuses says nothing of later entries: its caller knows before he hands over the next. One
/// thread at a time appends to a session.
public final class AppendSession {
    /// Belongs to the log's thread.
    private Optional<WalRefusedException> refusal = Optional.empty();

    /// Why an entry was refused, if one was. For the log's thread, as the other one is.
    Optional<WalRefusedException> refusal() {
        return refusal;
    }

    void refuse(WalRefusedException cause) {
        refusal = Optional.of(cause);
    }
}
