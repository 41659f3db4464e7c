package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import picocli.CommandLine;

/// A command as it is given in a shell, and what came of it.
record CommandRun(int exitCode, String out, String err) {
    static CommandRun of(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = SluiceCommand.create();
        line.setOut(new PrintWriter(out));
        line.setErr(new PrintWriter(err));
        int exitCode = line.execute(arguments);
        return new CommandRun(exitCode, out.toString(), err.toString());
    }

    List<String> outLines() {
        return out.lines().toList();
    }

    List<String> errLines() {
        return err.lines().toList();
    }

    /// It failed with one line and nothing besides.
    void assertFailed(int expectedCode, String... expectedInLine) {
        assertThat(errLines()).singleElement().asString().startsWith("sluice: ").contains(expectedInLine);
        assertThat(exitCode).as(err).isEqualTo(expectedCode);
        assertThat(out).isEmpty();
    }
}
