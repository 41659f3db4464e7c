package io.sluice.ingester.cli;

/// What a command's exit code says, as in sysexits.h where that has a word for it.
final class ExitCodes {
    static final int OK = 0;
    /// Something was not as asked: lines not written, damage found.
    static final int PARTIAL = 1;
    /// The command line or a setting makes no sense.
    static final int USAGE = 2;
    /// The server cannot be reached, or does not serve.
    static final int UNAVAILABLE = 69;
    /// A bug: nobody expected this.
    static final int SOFTWARE = 70;
    /// A file cannot be read or written.
    static final int IO = 74;

    /// A signal ended the process, whose number comes on top: as shells say it.
    static final int SIGNAL = 128;

    private ExitCodes() {}
}
