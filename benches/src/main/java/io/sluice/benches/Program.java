package io.sluice.benches;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// A benchmark that is no JMH class: it runs ours and its peers in turn, in this process.
interface Program {
    /// The names of its cases, in the order in which they run.
    List<String> cases();

    /// Runs the cases that are asked for; tells of its progress on standard error.
    ///
    /// @return one for each case and peer
    List<Comparison> run(Options options) throws IOException, InterruptedException;

    /// How to run.
    ///
    /// @param quick whether all of it is to end within a minute
    /// @param only the one case to run; empty: all
    /// @param directory that exists, for files; what a program puts there it deletes
    record Options(boolean quick, Optional<String> only, Path directory) {
        boolean wants(String caseName) {
            return only.isEmpty() || only.get().equals(caseName);
        }
    }
}
