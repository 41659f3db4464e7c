package io.sluice.ingester.it;

import io.sluice.ingester.cli.SluiceCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/// What a command of the command line said that was run in this process.
///
/// @param out lines of standard output
record Offline(int exitCode, List<String> out, String err) {
    static Offline run(List<String> command) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = SluiceCommand.create()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(command.toArray(String[]::new));
        return new Offline(exitCode, out.toString().lines().toList(), err.toString());
    }
}
